using System;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Microsoft.PowerShell.Commands;

/// <summary>JSON text as 5.1 turns it into objects: dates stay text unless they are <c>\/Date(ms)\/</c>.</summary>
internal static partial class JsonReader
{
    private static readonly JsonDocumentOptions Options = new() { AllowTrailingCommas = true, MaxDepth = 1024 };

    /// <summary>False if the text is not JSON.</summary>
    public static bool TryRead(string text, out object? value)
    {
        try
        {
            using var document = JsonDocument.Parse(text, Options);
            value = Value(document.RootElement);
            return true;
        }
        catch (JsonException)
        {
            value = null;
            return false;
        }
    }

    private static object? Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => Object(element),
        JsonValueKind.Array => element.EnumerateArray().Select(Value).ToArray(),
        JsonValueKind.String => Text(element.GetString()!),
        JsonValueKind.Number => Number(element),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    private static PSObject Object(JsonElement element)
    {
        var result = new PSObject();
        foreach (var member in element.EnumerateObject())
        {
            if (member.Name.Length == 0)
            {
                throw new InvalidOperationException("The provided JSON includes a property whose name is an empty string, this is not supported.");
            }

            if (result.Properties[member.Name] is not { } known)
            {
                result.Properties.Add(new PSNoteProperty(member.Name, Value(member.Value)));
            }
            else if (known.Name == member.Name)
            {
                known.Value = Value(member.Value); // the last one wins
            }
            else
            {
                throw new InvalidOperationException(
                    "Cannot convert the JSON string because a dictionary that was converted from the string contains the duplicated keys "
                    + $"'{known.Name}' and '{member.Name}'.");
            }
        }

        return result;
    }

    private static object Number(JsonElement element)
    {
        if (element.TryGetInt32(out var small))
        {
            return small;
        }

        if (element.TryGetInt64(out var big))
        {
            return big;
        }

        var text = element.GetRawText();
        var isExact = !text.Contains('e', StringComparison.OrdinalIgnoreCase);
        return isExact && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var exact) ? exact : element.GetDouble();
    }

    private static object Text(string text)
    {
        var date = WindowsDate().Match(text);
        return date.Success
            ? DateTime.UnixEpoch.AddMilliseconds(long.Parse(date.Groups[1].Value, CultureInfo.InvariantCulture))
            : text;
    }

    [GeneratedRegex(@"^/Date\((-?\d+)(?:[+-]\d{4})?\)/$")]
    private static partial Regex WindowsDate();
}
