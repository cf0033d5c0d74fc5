using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>A cmdlet that compares objects by the values of properties.</summary>
public abstract class ObjectComparisonCommand : PSCmdlet
{
    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0)]
    public object[]? Property { get; set; }

    [Parameter]
    public SwitchParameter CaseSensitive { get; set; }

    [Parameter]
    public string? Culture { get; set; }

    private protected List<PSObject> Items { get; } = [];

    private protected ValueComparer Comparer => new(CaseSensitive, Culture);

    private protected List<PropertyTerm> Terms => PropertyTerm.Parse(Property);

    protected override void ProcessRecord()
    {
        if (InputObject is not null)
        {
            Items.Add(InputObject);
        }
    }

    private protected static object?[] Key(List<PropertyTerm> terms, PSObject item) =>
        terms.Count == 0 ? [item] : terms.Select(term => term.ValueOf(item)).ToArray();
}

/// <summary>Sort-Object: stable; by the objects themselves if no property is named.</summary>
[Cmdlet("Sort", "Object")]
public sealed class SortObjectCommand : ObjectComparisonCommand
{
    [Parameter]
    public SwitchParameter Descending { get; set; }

    [Parameter]
    public SwitchParameter Unique { get; set; }

    protected override void EndProcessing()
    {
        var terms = Terms;
        var order = new KeyOrder(terms, Comparer, Descending);
        object?[]? last = null;
        foreach (var (key, item) in Items.Select(item => (Key: Key(terms, item), Item: item)).OrderBy(pair => pair.Key, order))
        {
            if (!Unique || last is null || order.Compare(last, key) != 0)
            {
                WriteObject(item);
            }

            last = key;
        }
    }

    private sealed class KeyOrder(List<PropertyTerm> terms, ValueComparer values, bool descending) : IComparer<object?[]>
    {
        public int Compare(object?[]? x, object?[]? y)
        {
            for (var i = 0; i < x!.Length; i++)
            {
                var order = values.Compare(x[i], y![i]);
                if (order != 0)
                {
                    var turned = i < terms.Count && terms[i].Descending is { } own ? own : descending;
                    return turned ? -order : order;
                }
            }

            return 0;
        }
    }
}

/// <summary>Get-Unique: drops what equals its predecessor in sorted input; text by case.</summary>
[Cmdlet(VerbsCommon.Get, "Unique")]
public sealed class GetUniqueCommand : PSCmdlet
{
    private PSObject? _last;

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter]
    public SwitchParameter AsString { get; set; }

    [Parameter]
    public SwitchParameter OnType { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is not null && (_last is null || !Same(_last, InputObject)))
        {
            WriteObject(InputObject);
            _last = InputObject;
        }
    }

    private bool Same(PSObject left, PSObject right)
    {
        if (OnType)
        {
            return left.TypeNames[0] == right.TypeNames[0];
        }

        return AsString
            ? left.ToString() == right.ToString()
            : new ValueComparer(caseSensitive: true, culture: null).Compare(left, right) == 0;
    }
}
