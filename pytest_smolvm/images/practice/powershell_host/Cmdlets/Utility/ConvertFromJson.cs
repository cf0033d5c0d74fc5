using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace Microsoft.PowerShell.Commands;

/// <summary>ConvertFrom-Json as 5.1 has it: a list is one object, and lines from the pipeline are one document.</summary>
[Cmdlet(VerbsData.ConvertFrom, "Json")]
public sealed partial class ConvertFromJsonCommand : PSCmdlet
{
    private readonly List<string> _lines = [];

    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    [AllowEmptyString]
    public string InputObject { get; set; } = "";

    protected override void ProcessRecord() => _lines.Add(InputObject);

    protected override void EndProcessing()
    {
        // If the first line is a document, so is every other.
        if (_lines.Count > 1 && JsonReader.TryRead(_lines[0], out _))
        {
            _lines.ForEach(Convert);
        }
        else if (_lines.Count > 0)
        {
            Convert(string.Join("\r\n", _lines));
        }
    }

    private void Convert(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return;
        }

        if (!JsonReader.TryRead(text, out var value))
        {
            ThrowTerminatingError(new ErrorRecord(
                new ArgumentException(Complaint(text.Trim())), "System.ArgumentException", ErrorCategory.NotSpecified, null));
        }

        WriteObject(value);
    }

    /// <summary>Windows' parser names the word it stumbles over, or shows the text it cannot make an object of.</summary>
    private static string Complaint(string text) => text[0] is '{' or '['
        ? $"Invalid object passed in, ':' or '}}' expected. (1): {text}"
        : $"Invalid JSON primitive: {Word().Match(text).Value}.";

    [GeneratedRegex(@"^\S[^\s,:\]}]*")]
    private static partial Regex Word();
}
