using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Orders values as Sort-Object does: null first, numbers with numbers, everything else by its text.</summary>
internal sealed class ValueComparer(bool caseSensitive, string? culture) : IComparer<object?>, IEqualityComparer<object?>
{
    private readonly CultureInfo _culture = culture is null ? CultureInfo.CurrentCulture : CultureInfo.GetCultureInfo(culture);

    public int Compare(object? x, object? y)
    {
        if (x is null || y is null)
        {
            return (x is null ? 0 : 1) - (y is null ? 0 : 1);
        }

        if (LanguagePrimitives.TryCompare(x, y, !caseSensitive, _culture, out var order))
        {
            return order;
        }

        return string.Compare(Text(x), Text(y), _culture, caseSensitive ? CompareOptions.None : CompareOptions.IgnoreCase);
    }

    public new bool Equals(object? x, object? y) => Compare(x, y) == 0;

    // Values that compare as equal may be of different types, so their hash codes cannot tell them apart.
    public int GetHashCode(object? value) => 0;

    private string Text(object value) => value is PSObject or IFormattable
        ? LanguagePrimitives.ConvertTo<string>(value)
        : value.ToString() ?? "";
}
