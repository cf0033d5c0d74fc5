using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>What Measure-Object gives for one property.</summary>
public abstract class MeasureInfo
{
    public string? Property { get; set; }
}

/// <summary>Count and arithmetic.</summary>
public sealed class GenericMeasureInfo : MeasureInfo
{
    public int Count { get; set; }

    public double? Average { get; set; }

    public double? Sum { get; set; }

    public object? Maximum { get; set; }

    public object? Minimum { get; set; }
}

/// <summary>Lines, words and characters.</summary>
public sealed class TextMeasureInfo : MeasureInfo
{
    public int? Lines { get; set; }

    public int? Words { get; set; }

    public int? Characters { get; set; }
}

/// <summary>Measure-Object.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "Object", DefaultParameterSetName = "GenericMeasure")]
public sealed class MeasureObjectCommand : PSCmdlet
{
    private readonly Dictionary<string, List<object>> _values = [];
    private int _count;

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0)]
    public string[]? Property { get; set; }

    [Parameter(ParameterSetName = "GenericMeasure")]
    public SwitchParameter Sum { get; set; }

    [Parameter(ParameterSetName = "GenericMeasure")]
    public SwitchParameter Average { get; set; }

    [Parameter(ParameterSetName = "GenericMeasure")]
    public SwitchParameter Maximum { get; set; }

    [Parameter(ParameterSetName = "GenericMeasure")]
    public SwitchParameter Minimum { get; set; }

    [Parameter(ParameterSetName = "TextMeasure")]
    public SwitchParameter Line { get; set; }

    [Parameter(ParameterSetName = "TextMeasure")]
    public SwitchParameter Word { get; set; }

    [Parameter(ParameterSetName = "TextMeasure")]
    public SwitchParameter Character { get; set; }

    [Parameter(ParameterSetName = "TextMeasure")]
    public SwitchParameter IgnoreWhiteSpace { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is null)
        {
            return;
        }

        _count++;
        if (Property is null)
        {
            Add("", InputObject.BaseObject);
            return;
        }

        foreach (var name in Property.SelectMany(name => new PSPropertyExpression(name).ResolveNames(InputObject)))
        {
            foreach (var value in name.GetValues(InputObject).Select(result => result.Result).OfType<object>())
            {
                Add(name.ToString(), value is PSObject wrapped ? wrapped.BaseObject : value);
            }
        }
    }

    protected override void EndProcessing()
    {
        if (Property is null)
        {
            WriteObject(Measure(null, _values.GetValueOrDefault("", [])));
            return;
        }

        foreach (var name in Property.Where(name => !WildcardPattern.ContainsWildcardCharacters(name) && !_values.ContainsKey(name)))
        {
            NotFound(name);
        }

        foreach (var (name, values) in _values)
        {
            WriteObject(Measure(name, values));
        }
    }

    private void Add(string name, object value)
    {
        if (!_values.TryGetValue(name, out var values))
        {
            // The name as the user wrote it, whatever the property's own case.
            name = Property?.FirstOrDefault(written => string.Equals(written, name, StringComparison.OrdinalIgnoreCase)) ?? name;
            values = _values.TryGetValue(name, out var known) ? known : _values[name] = [];
        }

        values.Add(value);
    }

    private void NotFound(string name)
    {
        var error = new PSArgumentException($"The property \"{name}\" cannot be found in the input for any objects.");
        WriteError(new ErrorRecord(error, "GenericMeasurePropertyNotFound", ErrorCategory.InvalidArgument, null));
    }

    private MeasureInfo Measure(string? name, List<object> values) =>
        ParameterSetName == "TextMeasure" ? MeasureText(name, values) : MeasureValues(name, values);

    private GenericMeasureInfo MeasureValues(string? name, List<object> values)
    {
        var numbers = Sum || Average ? values.SelectMany(Number).ToList() : [];
        var comparer = new ValueComparer(caseSensitive: false, culture: null);
        return new GenericMeasureInfo
        {
            Property = name,
            Count = Property is null ? _count : values.Count,
            Sum = Sum && values.Count > 0 ? numbers.Sum() : null,
            Average = Average && numbers.Count > 0 ? numbers.Average() : null,
            Maximum = Maximum ? Plain(values.Max(comparer)) : null,
            Minimum = Minimum ? Plain(values.Min(comparer)) : null,
        };
    }

    // 5.1 gives extreme numbers as double.
    private static object? Plain(object? value) =>
        value is not null && value is not string && LanguagePrimitives.TryConvertTo<double>(value, out var number) && value is not DateTime
            ? number
            : value;

    private IEnumerable<double> Number(object value)
    {
        if (LanguagePrimitives.TryConvertTo<double>(value, out var number))
        {
            return [number];
        }

        var error = new PSInvalidCastException($"Input object \"{value}\" is not numeric.");
        WriteError(new ErrorRecord(error, "NonNumericInputObject", ErrorCategory.InvalidType, value));
        return [];
    }

    private TextMeasureInfo MeasureText(string? name, List<object> values)
    {
        var texts = values.ConvertAll(LanguagePrimitives.ConvertTo<string>);
        return new TextMeasureInfo
        {
            Property = name,
            Lines = Line ? texts.Sum(text => text.Length == 0 ? 0 : text.TrimEnd('\r', '\n').Split('\n').Length) : null,
            Words = Word ? texts.Sum(text => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length) : null,
            Characters = Character ? texts.Sum(text => IgnoreWhiteSpace ? text.Count(c => !char.IsWhiteSpace(c)) : text.Length) : null,
        };
    }
}

/// <summary>Measure-Command: how long a script block takes; its output is dropped.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "Command")]
[OutputType(typeof(TimeSpan))]
public sealed class MeasureCommandCommand : PSCmdlet
{
    private TimeSpan _elapsed;

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0, Mandatory = true)]
    public ScriptBlock Expression { get; set; } = null!;

    protected override void ProcessRecord()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        InvokeCommand.InvokeScript(false, Expression, InputObject is null ? null : new[] { InputObject });
        _elapsed += clock.Elapsed;
    }

    protected override void EndProcessing() => WriteObject(_elapsed);
}
