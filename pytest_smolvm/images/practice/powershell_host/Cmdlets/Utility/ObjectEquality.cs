using System;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>When <c>-Unique</c> takes two objects for the same.</summary>
internal static class ObjectEquality
{
    /// <summary>Custom objects by their properties, everything else by value; text by case, as Select-Object -Unique has it.</summary>
    public static bool Same(PSObject left, PSObject right)
    {
        if (left.BaseObject is not PSCustomObject || right.BaseObject is not PSCustomObject)
        {
            return Equals(left.BaseObject, right.BaseObject);
        }

        var mine = left.Properties.ToList();
        return mine.Count == right.Properties.Count()
            && mine.TrueForAll(property => right.Properties[property.Name] is { } other && SameValue(property.Value, other.Value));
    }

    private static bool SameValue(object? left, object? right) => left is null || right is null
        ? ReferenceEquals(left, right)
        : LanguagePrimitives.TryCompare(left, right, ignoreCase: false, out var order) ? order == 0 : Equals(left, right);
}
