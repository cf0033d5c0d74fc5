using System.Collections.Generic;
using System.IO;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Get-ChildItem: the items in a container; hidden ones with <c>-Force</c>.</summary>
[Cmdlet(VerbsCommon.Get, "ChildItem", DefaultParameterSetName = "Items")]
public sealed class GetChildItemCommand : ProviderCommand
{
    [Parameter(Position = 0, ParameterSetName = "Items", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string[] Path { get; set; } = [""];

    [Parameter(Mandatory = true, ParameterSetName = "LiteralItems", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string[] LiteralPath { get; set; } = [];

    [Parameter(Position = 1)]
    public string? Filter { get; set; }

    [Parameter]
    public string[] Include { get; set; } = [];

    [Parameter]
    public string[] Exclude { get; set; } = [];

    [Parameter]
    [Alias("s")]
    public SwitchParameter Recurse { get; set; }

    [Parameter]
    public uint Depth { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter Name { get; set; }

    [Parameter]
    [Alias("ad")]
    public SwitchParameter Directory { get; set; }

    [Parameter]
    [Alias("af")]
    public SwitchParameter File { get; set; }

    [Parameter]
    [Alias("ah", "h")]
    public SwitchParameter Hidden { get; set; }

    [Parameter]
    [Alias("ar")]
    public SwitchParameter ReadOnly { get; set; }

    [Parameter]
    [Alias("as")]
    public SwitchParameter System { get; set; }

    private bool Literal => ParameterSetName == "LiteralItems";

    protected override void ProcessRecord()
    {
        foreach (var path in Literal ? LiteralPath : Path)
        {
            Attempt(() => List(path.Length == 0 ? "." : path));
        }
    }

    private void List(string path)
    {
        var deep = Recurse || MyInvocation.BoundParameters.ContainsKey(nameof(Depth));
        var depth = MyInvocation.BoundParameters.ContainsKey(nameof(Depth)) ? Depth : uint.MaxValue;
        var filter = new NameFilter(Filter, Include, Exclude);
        foreach (var item in Items(path, deep, depth))
        {
            var name = NameOf(item);
            if (filter.Accepts(name) && HasWantedAttributes(item.BaseObject))
            {
                WriteObject(Name ? RelativeName(path, item, name) : item);
            }
        }
    }

    private IEnumerable<PSObject> Items(string path, bool deep, uint depth)
    {
        // "-Path C:\x\*.txt -Recurse" means: such names anywhere under C:\x.
        var leaf = SessionState.Path.ParseChildName(path);
        if (deep && !Literal && WildcardPattern.ContainsWildcardCharacters(leaf))
        {
            var names = new NameFilter(leaf, [], []);
            var parent = SessionState.Path.ParseParent(path, null);
            foreach (var item in InvokeProvider.ChildItem.Get([parent.Length == 0 ? "." : parent], true, depth, ShowHidden, false))
            {
                if (names.Accepts(NameOf(item)))
                {
                    yield return item;
                }
            }

            yield break;
        }

        foreach (var item in InvokeProvider.ChildItem.Get([path], deep, depth, ShowHidden, Literal))
        {
            yield return item;
        }
    }

    // Variables and environment variables are values, not places: they have a name only.
    private static string NameOf(PSObject item) =>
        (item.Properties["PSChildName"] ?? item.Properties["Name"])?.Value?.ToString() ?? "";

    private bool ShowHidden => Force || Hidden || System;

    private bool HasWantedAttributes(object item)
    {
        if (item is not FileSystemInfo file)
        {
            return !Directory && !File && !Hidden && !ReadOnly && !System;
        }

        var isDirectory = file.Attributes.HasFlag(FileAttributes.Directory);
        return (Directory == File || (Directory ? isDirectory : !isDirectory))
            && (!Hidden || file.Attributes.HasFlag(FileAttributes.Hidden))
            && (!ReadOnly || file.Attributes.HasFlag(FileAttributes.ReadOnly))
            && (!System || file.Attributes.HasFlag(FileAttributes.System));
    }

    /// <summary><c>-Name -Recurse</c> names items relative to the container that was asked for.</summary>
    private string RelativeName(string path, PSObject item, string name)
    {
        if (!Recurse || item.BaseObject is not FileSystemInfo file)
        {
            return name;
        }

        var root = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path);
        return global::System.IO.Path.GetRelativePath(root, file.FullName);
    }
}
