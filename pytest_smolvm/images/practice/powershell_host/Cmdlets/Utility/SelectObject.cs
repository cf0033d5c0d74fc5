using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Reflection;

namespace Microsoft.PowerShell.Commands;

/// <summary>Select-Object: some of the objects, some of their properties.</summary>
[Cmdlet(VerbsCommon.Select, "Object", DefaultParameterSetName = "DefaultParameter")]
public sealed class SelectObjectCommand : PSCmdlet
{
    private readonly Queue<PSObject> _held = new();
    private readonly List<PSObject> _unique = [];
    private List<PropertyTerm> _terms = [];
    private int _seen;
    private int _written;

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0, ParameterSetName = "DefaultParameter")]
    [Parameter(Position = 0, ParameterSetName = "SkipLastParameter")]
    public object[]? Property { get; set; }

    [Parameter(ParameterSetName = "DefaultParameter")]
    [Parameter(ParameterSetName = "SkipLastParameter")]
    public string[] ExcludeProperty { get; set; } = [];

    [Parameter(ParameterSetName = "DefaultParameter")]
    [Parameter(ParameterSetName = "SkipLastParameter")]
    public string? ExpandProperty { get; set; }

    [Parameter]
    public SwitchParameter Unique { get; set; }

    [Parameter(ParameterSetName = "DefaultParameter")]
    [ValidateRange(0, int.MaxValue)]
    public int? Last { get; set; }

    [Parameter(ParameterSetName = "DefaultParameter")]
    [ValidateRange(0, int.MaxValue)]
    public int? First { get; set; }

    [Parameter(ParameterSetName = "DefaultParameter")]
    [ValidateRange(0, int.MaxValue)]
    public int Skip { get; set; }

    [Parameter(ParameterSetName = "SkipLastParameter")]
    [ValidateRange(0, int.MaxValue)]
    public int? SkipLast { get; set; }

    [Parameter(ParameterSetName = "DefaultParameter")]
    [Parameter(ParameterSetName = "IndexParameter")]
    public SwitchParameter Wait { get; set; }

    [Parameter(ParameterSetName = "IndexParameter")]
    public int[]? Index { get; set; }

    protected override void BeginProcessing()
    {
        var named = Property ?? (ExcludeProperty.Length > 0 && ExpandProperty is null ? ["*"] : null);
        _terms = PropertyTerm.Parse(named);
    }

    protected override void ProcessRecord()
    {
        if (InputObject is null)
        {
            return;
        }

        var position = _seen++;
        if (Index is not null)
        {
            TakeIndexed(position);
        }
        else if (SkipLast is { } tail)
        {
            Hold(tail);
        }
        else if (Last is { } wanted)
        {
            TakeFirst(position);
            _held.Enqueue(InputObject);
            while (_held.Count > wanted + Skip)
            {
                _held.Dequeue();
            }
        }
        else
        {
            TakeFirst(position);
        }
    }

    protected override void EndProcessing()
    {
        if (Last is { } wanted)
        {
            // With -Last, -Skip counts from the end; what -First took is not taken twice.
            var fromEnd = _held.Take(Math.Max(_held.Count - Skip, 0)).TakeLast(wanted).ToList();
            foreach (var item in fromEnd.Skip(Math.Max(0, fromEnd.Count - (_seen - _written))))
            {
                Select(item);
            }
        }

        foreach (var item in _unique)
        {
            WriteObject(item);
        }
    }

    private void TakeIndexed(int position)
    {
        if (Index!.Contains(position))
        {
            Select(InputObject!);
        }

        if (!Wait && position >= Index!.Max())
        {
            StopUpstream();
        }
    }

    private void Hold(int tail)
    {
        _held.Enqueue(InputObject!);
        if (_held.Count > tail)
        {
            Select(_held.Dequeue());
        }
    }

    private void TakeFirst(int position)
    {
        if (First is null && Last is not null)
        {
            return;
        }

        var skipped = Last is null ? Skip : 0;
        if (position >= skipped && (First is null || position < skipped + First))
        {
            _written++;
            Select(InputObject!);
        }

        if (First is { } count && Last is null && !Wait && !Unique && position + 1 >= skipped + count)
        {
            StopUpstream();
        }
    }

    private void Select(PSObject item)
    {
        if (ExpandProperty is not null)
        {
            Expand(item);
        }
        else
        {
            Emit(_terms.Count == 0 ? item : Project(item));
        }
    }

    private void Emit(PSObject item)
    {
        if (!Unique)
        {
            WriteObject(item);
        }
        else if (!_unique.Exists(known => ObjectEquality.Same(known, item)))
        {
            _unique.Add(item);
        }
    }

    private PSObject Project(PSObject item)
    {
        var selected = new PSObject();
        if (item.BaseObject is not PSCustomObject)
        {
            selected.TypeNames.Insert(0, "Selected." + item.BaseObject.GetType());
        }
        else if (!item.TypeNames[0].StartsWith("Selected.", StringComparison.Ordinal))
        {
            selected.TypeNames.Insert(0, "Selected." + item.TypeNames[0]);
        }

        foreach (var property in Properties(item))
        {
            if (selected.Properties[property.Name] is null)
            {
                selected.Properties.Add(property);
            }
            else if (!MyInvocation.ExpectingInput || _seen == 1)
            {
                AlreadyThere(property.Name, item);
            }
        }

        return selected;
    }

    private IEnumerable<PSNoteProperty> Properties(PSObject item)
    {
        var excluded = ExcludeProperty.Select(name => WildcardPattern.Get(name, WildcardOptions.IgnoreCase)).ToList();
        foreach (var term in _terms)
        {
            foreach (var name in Names(term, item))
            {
                var label = term.Label ?? name.ToString();
                if (!excluded.Exists(pattern => pattern.IsMatch(label)))
                {
                    yield return new PSNoteProperty(label, Value(name, item));
                }
            }
        }
    }

    // A name that the object lacks is selected all the same, with no value.
    private static List<PSPropertyExpression> Names(PropertyTerm term, PSObject item)
    {
        var names = term.Expression.ResolveNames(item);
        return names.Count == 0 && !term.Expression.HasWildCardCharacters ? [term.Expression] : names;
    }

    private static object? Value(PSPropertyExpression name, PSObject item)
    {
        var results = name.GetValues(item);
        if (results.Count <= 1)
        {
            return results.Count == 0 ? null : results[0].Result;
        }

        return results.Select(result => result.Result).ToArray();
    }

    private void Expand(PSObject item)
    {
        var name = new PSPropertyExpression(ExpandProperty);
        var found = name.ResolveNames(item);
        if (found.Count == 0)
        {
            var missing = new PSArgumentException($"Property \"{ExpandProperty}\" cannot be found.");
            WriteError(new ErrorRecord(missing, "ExpandPropertyNotFound", ErrorCategory.InvalidArgument, item));
            return;
        }

        var value = Value(found[0], item);
        foreach (var one in LanguagePrimitives.GetEnumerable(value)?.Cast<object?>() ?? [value])
        {
            if (one is not null)
            {
                Emit(WithProperties(PSObject.AsPSObject(one), item));
            }
            else
            {
                WriteObject(null);
            }
        }
    }

    private PSObject WithProperties(PSObject value, PSObject item)
    {
        foreach (var property in Properties(item))
        {
            if (value.Properties[property.Name] is not null)
            {
                AlreadyThere(property.Name, item);
            }
            else
            {
                value.Properties.Add(property);
            }
        }

        return value;
    }

    private void AlreadyThere(string name, PSObject item)
    {
        var error = new PSArgumentException($"The property cannot be processed because the property \"{name}\" already exists.");
        WriteError(new ErrorRecord(error, "AlreadyExistingUserSpecifiedPropertyNoExpand", ErrorCategory.InvalidOperation, item));
    }

    /// <summary>Ends the commands before this one, so that <c>-First</c> of an endless source ends.</summary>
    private void StopUpstream()
    {
        var type = typeof(PSCmdlet).Assembly.GetType("System.Management.Automation.StopUpstreamCommandsException", throwOnError: true)!;
        EndProcessing();
        throw (Exception)Activator.CreateInstance(type, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic, null, [this], null)!;
    }
}
