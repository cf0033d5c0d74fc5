using System.Collections.ObjectModel;
using System.IO;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Get-Item: the item at a path.</summary>
[Cmdlet(VerbsCommon.Get, "Item", DefaultParameterSetName = ByPath)]
public sealed class GetItemCommand : PathCommand
{
    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessPath(string path) =>
        WriteObject(InvokeProvider.Item.Get([path], Force, literalPath: true), enumerateCollection: true);
}

/// <summary>New-Item: a file, directory, link, registry key or variable; <c>-Force</c> makes missing parents and replaces files.</summary>
[Cmdlet(VerbsCommon.New, "Item", DefaultParameterSetName = "pathSet", SupportsShouldProcess = true)]
public sealed class NewItemCommand : ProviderCommand
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "pathSet", ValueFromPipelineByPropertyName = true)]
    [Parameter(Position = 0, ParameterSetName = "nameSet", ValueFromPipelineByPropertyName = true)]
    public string[] Path { get; set; } = ["."];

    [Parameter(Mandatory = true, ParameterSetName = "nameSet", ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    public string? Name { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Type")]
    public string? ItemType { get; set; }

    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Target")]
    public object? Value { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var path in Path)
        {
            var target = string.IsNullOrEmpty(Name) ? path : SessionState.Path.Combine(path, Name);
            if (ShouldProcess($"Destination: {target}", "New Item"))
            {
                Attempt(() => WriteObject(InvokeProvider.Item.New([path], Name, ItemType, Value, Force), enumerateCollection: true));
            }
        }
    }
}

/// <summary>Remove-Item: asks before it removes a container with children unless <c>-Recurse</c> is given.</summary>
[Cmdlet(VerbsCommon.Remove, "Item", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class RemoveItemCommand : PathCommand
{
    private bool _yesToAll;
    private bool _noToAll;

    [Parameter]
    public SwitchParameter Recurse { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessPath(string path)
    {
        var full = ProviderPath(path, out var provider);
        var isContainer = InvokeProvider.Item.IsContainer(path);
        if (!ShouldProcess(full, IsFileSystem(provider) ? (isContainer ? "Remove Directory" : "Remove File") : "Remove Item"))
        {
            return;
        }

        if (isContainer && !Recurse && HasChildren(path) && !Confirmed(full))
        {
            return;
        }

        InvokeProvider.Item.Remove([path], Recurse || isContainer, Force, literalPath: true);
    }

    // Items that cannot be read as containers (a function, a value) have no children.
    private bool HasChildren(string path) => InvokeProvider.ChildItem.HasChild(path, Force, literalPath: true);

    private bool Confirmed(string path) => ShouldContinue(
        $"The item at {path} has children and the Recurse parameter was not specified. If you continue, all children will be "
        + "removed with the item. Are you sure you want to continue?",
        "Confirm",
        ref _yesToAll,
        ref _noToAll);
}

/// <summary>Copy-Item: into an existing container, or under a new name.</summary>
[Cmdlet(VerbsCommon.Copy, "Item", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class CopyItemCommand : PathCommand
{
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    public string Destination { get; set; } = ".";

    [Parameter]
    public SwitchParameter Container { get; set; } = true;

    [Parameter]
    public SwitchParameter Recurse { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessPath(string path)
    {
        if (ShouldProcess($"Item: {ProviderPath(path, out _)} Destination: {ProviderPath(Destination, out _)}", "Copy File"))
        {
            var containers = Container ? CopyContainers.CopyTargetContainer : CopyContainers.CopyChildrenOfTargetContainer;
            var copied = InvokeProvider.Item.Copy([path], Destination, Recurse, containers, Force, literalPath: true);
            if (PassThru)
            {
                WriteObject(copied, enumerateCollection: true);
            }
        }
    }
}

/// <summary>Move-Item.</summary>
[Cmdlet(VerbsCommon.Move, "Item", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class MoveItemCommand : PathCommand
{
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    public string Destination { get; set; } = ".";

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessPath(string path)
    {
        if (ShouldProcess($"Item: {ProviderPath(path, out _)} Destination: {ProviderPath(Destination, out _)}", "Move File"))
        {
            var moved = InvokeProvider.Item.Move([path], Destination, Force, literalPath: true);
            if (PassThru)
            {
                WriteObject(moved, enumerateCollection: true);
            }
        }
    }
}

/// <summary>Rename-Item: the new name may not lead elsewhere.</summary>
[Cmdlet(VerbsCommon.Rename, "Item", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class RenameItemCommand : PathCommand
{
    [Parameter(Position = 1, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public string NewName { get; set; } = "";

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessPath(string path)
    {
        if (ShouldProcess($"Item: {ProviderPath(path, out _)} Destination: {NewName}", "Rename Item"))
        {
            var renamed = InvokeProvider.Item.Rename(path, NewName, Force);
            if (PassThru)
            {
                WriteObject(renamed);
            }
        }
    }
}

/// <summary>Set-Item: the value of an item, such as an environment variable.</summary>
[Cmdlet(VerbsCommon.Set, "Item", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class SetItemCommand : PathCommand
{
    [Parameter(Position = 1, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public object? Value { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessPath(string path)
    {
        if (ShouldProcess($"Item: {path} Value: {Value}", "Set Item"))
        {
            Show(InvokeProvider.Item.Set([path], Value, Force, literalPath: true));
        }
    }

    private void Show(Collection<PSObject> items)
    {
        if (PassThru)
        {
            WriteObject(items, enumerateCollection: true);
        }
    }
}

/// <summary>Clear-Item: removes the value, keeps the item.</summary>
[Cmdlet(VerbsCommon.Clear, "Item", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class ClearItemCommand : PathCommand
{
    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessPath(string path)
    {
        if (ShouldProcess($"Item: {path}", "Clear Item"))
        {
            InvokeProvider.Item.Clear([path], Force, literalPath: true);
        }
    }
}

/// <summary>Invoke-Item: opens the item as a double click would.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "Item", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class InvokeItemCommand : PathCommand
{
    protected override void ProcessPath(string path)
    {
        if (ShouldProcess($"Item: {path}", "Invoke Item"))
        {
            InvokeProvider.Item.Invoke([path], literalPath: true);
        }
    }
}
