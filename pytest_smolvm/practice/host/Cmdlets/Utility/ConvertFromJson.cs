using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Microsoft.PowerShell.Commands;

/// <summary>
/// ConvertFrom-Json as 5.1 has it: a list is one object, text that looks like a date stays text unless it is
/// <c>\/Date(ms)\/</c>, lines from the pipeline are one document.
/// </summary>
[Cmdlet(VerbsData.ConvertFrom, "Json")]
public sealed partial class ConvertFromJsonCommand : PSCmdlet
{
    private static readonly JsonDocumentOptions Options = new() { AllowTrailingCommas = true, MaxDepth = 1024 };

    private readonly List<string> _lines = [];

    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    [AllowEmptyString]
    public string InputObject { get; set; } = "";

    protected override void ProcessRecord() => _lines.Add(InputObject);

    protected override void EndProcessing()
    {
        if (_lines.Count == 0)
        {
            return;
        }

        if (_lines.Count > 1 && IsJson(_lines[0]))
        {
            _lines.ForEach(Convert);
        }
        else
        {
            Convert(string.Join("\r\n", _lines));
        }
    }

    private static bool IsJson(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, Options);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private void Convert(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return;
        }

        try
        {
            using var document = JsonDocument.Parse(text, Options);
            WriteObject(Value(document.RootElement));
        }
        catch (JsonException)
        {
            ThrowTerminatingError(new ErrorRecord(
                new ArgumentException(Complaint(text.Trim())), "System.ArgumentException", ErrorCategory.NotSpecified, null));
        }
    }

    /// <summary>Windows' parser names the word it stumbles over, or shows the text it cannot make an object of.</summary>
    private static string Complaint(string text) => text[0] is '{' or '['
        ? $"Invalid object passed in, ':' or '}}' expected. (1): {text}"
        : $"Invalid JSON primitive: {Word().Match(text).Value}.";

    [GeneratedRegex(@"^\S[^\s,:\]}]*")]
    private static partial Regex Word();

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

            if (result.Properties[member.Name] is { } known)
            {
                if (known.Name != member.Name)
                {
                    throw new InvalidOperationException(
                        $"Cannot convert the JSON string because a dictionary that was converted from the string contains the duplicated keys '{known.Name}' and '{member.Name}'.");
                }

                known.Value = Value(member.Value);
            }
            else
            {
                result.Properties.Add(new PSNoteProperty(member.Name, Value(member.Value)));
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
