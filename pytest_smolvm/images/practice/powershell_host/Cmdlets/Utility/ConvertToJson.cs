using System.Collections.Generic;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>ConvertTo-Json with the depth, layout and escapes of Windows PowerShell 5.1.</summary>
[Cmdlet(VerbsData.ConvertTo, "Json")]
[OutputType(typeof(string))]
public sealed class ConvertToJsonCommand : PSCmdlet
{
    private readonly List<object?> _items = [];

    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    [AllowNull]
    public object? InputObject { get; set; }

    [Parameter]
    [ValidateRange(1, 100)]
    public int Depth { get; set; } = 2;

    [Parameter]
    public SwitchParameter Compress { get; set; }

    protected override void ProcessRecord() => _items.Add(InputObject);

    protected override void EndProcessing()
    {
        if (_items.Count == 0)
        {
            return;
        }

        var value = _items.Count == 1 ? _items[0] : _items.ToArray();
        var tree = new JsonTree(Depth).Of(value);
        WriteObject(new JsonText(pretty: !Compress).Of(tree));
    }
}
