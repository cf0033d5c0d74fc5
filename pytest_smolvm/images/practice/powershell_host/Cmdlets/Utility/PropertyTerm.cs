using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>
/// One element of a <c>-Property</c> parameter: a name, maybe with wildcards, a script block, or a hashtable with
/// <c>Name</c>/<c>Label</c>, <c>Expression</c>, <c>Ascending</c>, <c>Descending</c> (keys may be shortened).
/// </summary>
internal sealed class PropertyTerm
{
    private PropertyTerm(PSPropertyExpression expression) => Expression = expression;

    public PSPropertyExpression Expression { get; }

    /// <summary>The name given in a hashtable.</summary>
    public string? Label { get; private set; }

    public bool? Descending { get; private set; }

    public static List<PropertyTerm> Parse(IEnumerable<object>? terms) => (terms ?? []).Select(Parse).ToList();

    public static PropertyTerm Parse(object term)
    {
        var bare = term is PSObject wrapped ? wrapped.BaseObject : term;
        return bare is IDictionary options ? FromOptions(options) : new PropertyTerm(ExpressionOf(bare));
    }

    /// <summary>The first value, or null: what sorting, grouping and comparing look at.</summary>
    public object? ValueOf(PSObject item)
    {
        var results = Expression.GetValues(item);
        return results.Count > 0 && results[0].Exception is null ? results[0].Result : null;
    }

    private static PropertyTerm FromOptions(IDictionary options)
    {
        object? expression = null;
        string? label = null;
        bool? descending = null;
        foreach (DictionaryEntry option in options)
        {
            var key = option.Key.ToString()!;
            if (Means(key, "expression"))
            {
                expression = option.Value;
            }
            else if (Means(key, "name") || Means(key, "label"))
            {
                label = option.Value?.ToString();
            }
            else if (Means(key, "descending"))
            {
                descending = LanguagePrimitives.IsTrue(option.Value);
            }
            else if (Means(key, "ascending"))
            {
                descending = !LanguagePrimitives.IsTrue(option.Value);
            }
            else
            {
                throw new PSArgumentException($"The {key} key is not valid.");
            }
        }

        expression ??= label ?? throw new PSArgumentException("The hash table has no expression key.");
        return new PropertyTerm(ExpressionOf(expression)) { Label = label, Descending = descending };
    }

    private static bool Means(string key, string full) => key.Length > 0 && full.StartsWith(key, StringComparison.OrdinalIgnoreCase);

    private static PSPropertyExpression ExpressionOf(object? value)
    {
        var bare = value is PSObject wrapped ? wrapped.BaseObject : value;
        return bare switch
        {
            ScriptBlock script => new PSPropertyExpression(script),
            null => throw new PSArgumentException("A property name cannot be null."),
            _ => new PSPropertyExpression(bare.ToString()!),
        };
    }
}
