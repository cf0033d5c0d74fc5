using System.Collections.Generic;
using System.IO;
using System.Management.Automation;

namespace PracticeGuest;

/// <summary>Reads the objects that another PowerShell pipes in with <c>-InputFormat XML</c>.</summary>
internal static class ClixmlInput
{
    private const string Header = "#< CLIXML";

    public static IEnumerable<object> Objects(TextReader reader)
    {
        var text = reader.ReadToEnd().TrimStart();
        if (text.StartsWith(Header, System.StringComparison.Ordinal))
        {
            text = text[Header.Length..].TrimStart();
        }

        return text.Length == 0 ? [] : PSSerializer.DeserializeAsList(text);
    }
}
