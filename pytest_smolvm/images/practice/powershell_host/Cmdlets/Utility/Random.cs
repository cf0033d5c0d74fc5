using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Get-Random: a number, or some of the input.</summary>
[Cmdlet(VerbsCommon.Get, "Random", DefaultParameterSetName = "RandomNumberParameterSet")]
public sealed class GetRandomCommand : PSCmdlet
{
    // -SetSeed makes the numbers of the whole session repeatable.
    private static Random s_source = Random.Shared;

    private readonly List<object?> _items = [];

    [Parameter]
    public int? SetSeed { get; set; }

    [Parameter(Position = 0, ParameterSetName = "RandomNumberParameterSet")]
    public object? Maximum { get; set; }

    [Parameter(ParameterSetName = "RandomNumberParameterSet")]
    public object? Minimum { get; set; }

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "RandomListItemParameterSet", ValueFromPipeline = true)]
    public object?[]? InputObject { get; set; }

    [Parameter(ParameterSetName = "RandomListItemParameterSet")]
    [ValidateRange(1, int.MaxValue)]
    public int Count { get; set; } = 1;

    protected override void BeginProcessing()
    {
        if (SetSeed is { } seed)
        {
            s_source = new Random(seed);
        }

        if (ParameterSetName == "RandomNumberParameterSet")
        {
            WriteObject(Number());
        }
    }

    protected override void ProcessRecord() => _items.AddRange(InputObject ?? []);

    protected override void EndProcessing()
    {
        var items = _items.ToArray();
        s_source.Shuffle(items);
        WriteObject(items.Take(Count), enumerateCollection: true);
    }

    private object Number()
    {
        var (low, high) = (Bound(Minimum), Bound(Maximum));
        if (low is double || high is double)
        {
            var (from, to) = (Convert.ToDouble(low ?? 0), Convert.ToDouble(high ?? double.MaxValue));
            RequireOrder(from < to, from, to);
            return from + (s_source.NextDouble() * (to - from));
        }

        var (first, limit) = (Convert.ToInt64(low ?? 0), Convert.ToInt64(high ?? int.MaxValue));
        RequireOrder(first < limit, first, limit);
        var drawn = s_source.NextInt64(first, limit);
        return low is long || high is long ? drawn : (int)drawn;
    }

    private static object? Bound(object? value)
    {
        var bare = value is PSObject wrapped ? wrapped.BaseObject : value;
        return bare switch
        {
            null or int or long or double => bare,
            float or decimal => Convert.ToDouble(bare),
            string text when text.Contains('.') => LanguagePrimitives.ConvertTo<double>(text),
            _ when LanguagePrimitives.TryConvertTo<int>(bare, out var small) => small,
            _ => LanguagePrimitives.ConvertTo<long>(bare),
        };
    }

    private void RequireOrder(bool inOrder, object low, object high)
    {
        if (!inOrder)
        {
            ThrowTerminatingError(new ErrorRecord(
                new ArgumentException($"The Minimum value ({low}) cannot be greater than or equal to the Maximum value ({high})."),
                "MinGreaterThanOrEqualMax",
                ErrorCategory.InvalidArgument,
                null));
        }
    }
}

/// <summary>New-Guid.</summary>
[Cmdlet(VerbsCommon.New, "Guid")]
[OutputType(typeof(Guid))]
public sealed class NewGuidCommand : PSCmdlet
{
    protected override void EndProcessing() => WriteObject(Guid.NewGuid());
}
