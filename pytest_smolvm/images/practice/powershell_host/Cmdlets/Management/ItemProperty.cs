using System.Collections.ObjectModel;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Get-ItemProperty: registry values, or the properties of a file.</summary>
[Cmdlet(VerbsCommon.Get, "ItemProperty", DefaultParameterSetName = ByPath)]
public sealed class GetItemPropertyCommand : PathCommand
{
    [Parameter(Position = 1)]
    [Alias("PSProperty")]
    public string[] Name { get; set; } = [];

    protected override void ProcessPath(string path) => WriteObject(
        InvokeProvider.Property.Get([path], new Collection<string>(Name.ToList()), literalPath: true), enumerateCollection: true);
}

/// <summary>Get-ItemPropertyValue: the bare value.</summary>
[Cmdlet(VerbsCommon.Get, "ItemPropertyValue", DefaultParameterSetName = ByPath)]
public sealed class GetItemPropertyValueCommand : ProviderCommand
{
    private const string ByPath = "Path";

    [Parameter(Position = 0, ParameterSetName = ByPath, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string[] Path { get; set; } = ["."];

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string[] LiteralPath { get; set; } = [];

    [Parameter(Position = 1, Mandatory = true)]
    [Alias("PSProperty")]
    public string[] Name { get; set; } = [];

    protected override void ProcessRecord()
    {
        var literal = ParameterSetName != ByPath;
        foreach (var path in literal ? LiteralPath : Path)
        {
            foreach (var name in Name)
            {
                Attempt(() => WriteValues(path, name, literal));
            }
        }
    }

    private void WriteValues(string path, string name, bool literal)
    {
        foreach (var found in InvokeProvider.Property.Get([path], [name], literal))
        {
            WriteObject(found.Properties[name]?.Value);
        }
    }
}

/// <summary>Set-ItemProperty: sets a value, makes it if it is not there; <c>-Type</c> is the registry's.</summary>
[Cmdlet(VerbsCommon.Set, "ItemProperty", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class SetItemPropertyCommand : PathCommand
{
    [Parameter(Position = 1, Mandatory = true)]
    [Alias("PSProperty")]
    public string Name { get; set; } = "";

    [Parameter(Position = 2, Mandatory = true)]
    [AllowNull]
    [AllowEmptyString]
    [AllowEmptyCollection]
    public object? Value { get; set; }

    [Parameter]
    public string? Type { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessPath(string path)
    {
        if (ShouldProcess($"Item: {ProviderPath(path, out _)} Property: {Name}", "Set Property"))
        {
            var result = Set(path);
            if (PassThru)
            {
                WriteObject(result, enumerateCollection: true);
            }
        }
    }

    private Collection<PSObject> Set(string path)
    {
        if (Type is not null)
        {
            return InvokeProvider.Property.New([path], Name, Type, Value, force: true, literalPath: true);
        }

        var values = new PSObject();
        values.Properties.Add(new PSNoteProperty(Name, Value));
        return InvokeProvider.Property.Set([path], values, Force, literalPath: true);
    }
}

/// <summary>New-ItemProperty: a new value; <c>-Force</c> replaces one that is there.</summary>
[Cmdlet(VerbsCommon.New, "ItemProperty", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class NewItemPropertyCommand : PathCommand
{
    [Parameter(Position = 1, Mandatory = true)]
    [Alias("PSProperty")]
    public string Name { get; set; } = "";

    [Parameter]
    [Alias("Type")]
    public string? PropertyType { get; set; }

    [Parameter]
    [AllowNull]
    public object? Value { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessPath(string path)
    {
        if (ShouldProcess($"Item: {ProviderPath(path, out _)} Property: {Name}", "New Property"))
        {
            WriteObject(
                InvokeProvider.Property.New([path], Name, PropertyType, Value, Force, literalPath: true), enumerateCollection: true);
        }
    }
}

/// <summary>Remove-ItemProperty.</summary>
[Cmdlet(VerbsCommon.Remove, "ItemProperty", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class RemoveItemPropertyCommand : PathCommand
{
    [Parameter(Position = 1, Mandatory = true)]
    [Alias("PSProperty")]
    public string[] Name { get; set; } = [];

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessPath(string path)
    {
        foreach (var name in Name)
        {
            if (ShouldProcess($"Item: {ProviderPath(path, out _)} Property: {name}", "Remove Property"))
            {
                Attempt(() => InvokeProvider.Property.Remove([path], name, Force, literalPath: true));
            }
        }
    }
}

/// <summary>Clear-ItemProperty: empties a value, keeps it.</summary>
[Cmdlet(VerbsCommon.Clear, "ItemProperty", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class ClearItemPropertyCommand : PathCommand
{
    [Parameter(Position = 1, Mandatory = true)]
    public string Name { get; set; } = "";

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessPath(string path)
    {
        if (ShouldProcess($"Item: {ProviderPath(path, out _)} Property: {Name}", "Clear Property"))
        {
            InvokeProvider.Property.Clear([path], [Name], Force, literalPath: true);
        }
    }
}

/// <summary>Rename-ItemProperty.</summary>
[Cmdlet(VerbsCommon.Rename, "ItemProperty", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class RenameItemPropertyCommand : PathCommand
{
    [Parameter(Position = 1, Mandatory = true)]
    [Alias("PSProperty")]
    public string Name { get; set; } = "";

    [Parameter(Position = 2, Mandatory = true)]
    public string NewName { get; set; } = "";

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessPath(string path)
    {
        if (ShouldProcess($"Item: {ProviderPath(path, out _)} SourceProperty: {Name} DestinationProperty: {NewName}", "Rename Property"))
        {
            InvokeProvider.Property.Rename([path], Name, NewName, Force, literalPath: true);
        }
    }
}
