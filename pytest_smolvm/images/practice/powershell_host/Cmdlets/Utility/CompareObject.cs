using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Compare-Object: what is in one set only (<c>=&gt;</c>, <c>&lt;=</c>), with <c>-IncludeEqual</c> also what is in both.</summary>
[Cmdlet(VerbsData.Compare, "Object")]
public sealed class CompareObjectCommand : PSCmdlet
{
    private readonly List<PSObject> _differences = [];

    [Parameter(Position = 0, Mandatory = true)]
    [AllowEmptyCollection]
    public PSObject[] ReferenceObject { get; set; } = [];

    [Parameter(Position = 1, Mandatory = true, ValueFromPipeline = true)]
    [AllowEmptyCollection]
    public PSObject[] DifferenceObject { get; set; } = [];

    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int SyncWindow { get; set; } = int.MaxValue;

    [Parameter]
    public object[]? Property { get; set; }

    [Parameter]
    public SwitchParameter ExcludeDifferent { get; set; }

    [Parameter]
    public SwitchParameter IncludeEqual { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    [Parameter]
    public SwitchParameter CaseSensitive { get; set; }

    [Parameter]
    public string? Culture { get; set; }

    protected override void ProcessRecord() => _differences.AddRange(DifferenceObject.Where(item => item is not null));

    protected override void EndProcessing()
    {
        var terms = PropertyTerm.Parse(Property);
        var comparer = new ValueComparer(CaseSensitive, Culture);
        var left = ReferenceObject.Where(item => item is not null).Select((item, at) => (Item: item, At: at)).ToList();
        var right = new List<PSObject>();
        for (var i = 0; i < _differences.Count; i++)
        {
            var item = _differences[i];
            var match = left.FindIndex(other => System.Math.Abs(other.At - i) <= SyncWindow && Same(terms, comparer, other.Item, item));
            if (match < 0)
            {
                right.Add(item);
                continue;
            }

            if (IncludeEqual)
            {
                Emit(terms, left[match].Item, "==");
            }

            left.RemoveAt(match);
        }

        if (!ExcludeDifferent)
        {
            right.ForEach(item => Emit(terms, item, "=>"));
            left.ForEach(other => Emit(terms, other.Item, "<="));
        }
    }

    private static bool Same(List<PropertyTerm> terms, ValueComparer comparer, PSObject left, PSObject right) => terms.Count == 0
        ? comparer.Compare(left, right) == 0
        : terms.TrueForAll(term => comparer.Compare(term.ValueOf(left), term.ValueOf(right)) == 0);

    private void Emit(List<PropertyTerm> terms, PSObject item, string side)
    {
        if (PassThru)
        {
            item.Properties.Add(new PSNoteProperty("SideIndicator", side));
            WriteObject(item);
            return;
        }

        var shown = new PSObject();
        if (terms.Count == 0)
        {
            shown.Properties.Add(new PSNoteProperty("InputObject", item));
        }

        foreach (var term in terms)
        {
            shown.Properties.Add(new PSNoteProperty(term.Label ?? term.Expression.ToString(), term.ValueOf(item)));
        }

        shown.Properties.Add(new PSNoteProperty("SideIndicator", side));
        WriteObject(shown);
    }
}
