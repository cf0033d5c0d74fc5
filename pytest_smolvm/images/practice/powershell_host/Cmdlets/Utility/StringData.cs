using System;
using System.Collections;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace Microsoft.PowerShell.Commands;

/// <summary>ConvertFrom-StringData: <c>name=value</c> lines into a hashtable; <c>#</c> begins a comment.</summary>
[Cmdlet(VerbsData.ConvertFrom, "StringData")]
[OutputType(typeof(Hashtable))]
public sealed class ConvertFromStringDataCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    [AllowEmptyString]
    public string StringData { get; set; } = "";

    protected override void ProcessRecord()
    {
        var table = new Hashtable(StringComparer.OrdinalIgnoreCase);
        foreach (var line in StringData.Split('\n'))
        {
            var text = line.Trim();
            if (text.Length > 0 && text[0] != '#')
            {
                Add(table, text);
            }
        }

        WriteObject(table);
    }

    private static void Add(Hashtable table, string line)
    {
        var equals = line.IndexOf('=');
        if (equals < 1)
        {
            throw new PSInvalidOperationException($"Data line '{line}' is not in 'name=value' format.");
        }

        var name = line[..equals].Trim();
        if (table.ContainsKey(name))
        {
            throw new PSInvalidOperationException($"Data item '{name}' in line '{line}' is already defined.");
        }

        table.Add(name, Regex.Unescape(line[(equals + 1)..].Trim()));
    }
}
