using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Text;

namespace Microsoft.PowerShell.Commands;

/// <summary>Writes objects as the lines of a CSV text: every value in quotes, the columns those of the first object.</summary>
internal sealed class CsvWriter(char delimiter)
{
    private List<string>? _columns;

    /// <summary>The lines for one object; with the first come the header and, if wanted, its type.</summary>
    public IEnumerable<string> Lines(PSObject item, bool typeInformation, bool header)
    {
        if (_columns is null)
        {
            _columns = item.Properties.Where(property => property.IsGettable).Select(property => property.Name).ToList();
            if (typeInformation)
            {
                yield return "#TYPE " + item.TypeNames[0];
            }

            if (header)
            {
                yield return string.Join(delimiter, _columns.Select(Quoted));
            }
        }

        yield return string.Join(delimiter, _columns.Select(column => Value(item.Properties[column])));
    }

    /// <summary>Goes on with the columns of a file that is there already.</summary>
    public void Continue(IEnumerable<string> columns) => _columns = columns.ToList();

    private static string Value(PSPropertyInfo? property)
    {
        var value = property?.Value;
        return value is null ? "" : Quoted(LanguagePrimitives.ConvertTo<string>(value));
    }

    private static string Quoted(string text) => "\"" + text.Replace("\"", "\"\"") + "\"";
}

/// <summary>Reads CSV text: quoted values may hold delimiters, quotes and line ends.</summary>
internal sealed class CsvReader(TextReader text, char delimiter)
{
    /// <summary>The values of the next line that is not empty, or null at the end.</summary>
    public List<string?>? Next()
    {
        while (text.Peek() is '\r' or '\n')
        {
            text.Read();
        }

        if (text.Peek() < 0)
        {
            return null;
        }

        var values = new List<string?>();
        do
        {
            values.Add(Value());
        }
        while (Take(delimiter));
        return values;
    }

    private string? Value()
    {
        while (text.Peek() is ' ' or '\t' && text.Peek() != delimiter)
        {
            text.Read();
        }

        return Take('"') ? Quoted() : Bare();
    }

    private string Quoted()
    {
        var value = new StringBuilder();
        while (text.Read() is var c and >= 0)
        {
            if (c != '"')
            {
                value.Append((char)c);
            }
            else if (Take('"'))
            {
                value.Append('"');
            }
            else
            {
                break;
            }
        }

        Bare();
        return value.ToString();
    }

    private string Bare()
    {
        var value = new StringBuilder();
        while (text.Peek() is var c and >= 0 && c != delimiter && c is not ('\r' or '\n'))
        {
            value.Append((char)text.Read());
        }

        return value.ToString();
    }

    private bool Take(char wanted)
    {
        if (text.Peek() != wanted)
        {
            return false;
        }

        text.Read();
        return true;
    }
}

/// <summary>Makes objects of the rows of a CSV text.</summary>
internal static class CsvTable
{
    public static IEnumerable<PSObject> Objects(TextReader text, char delimiter, string[]? header)
    {
        var reader = new CsvReader(text, delimiter);
        string? typeName = null;
        IReadOnlyList<string?>? columns = header;
        while (reader.Next() is { } values)
        {
            if (values[0]?.StartsWith("#TYPE ", StringComparison.Ordinal) == true && typeName is null)
            {
                typeName = values[0]![6..];
            }
            else if (columns is null)
            {
                columns = values;
            }
            else
            {
                yield return Row(columns, values, typeName);
            }
        }
    }

    private static PSObject Row(IReadOnlyList<string?> columns, List<string?> values, string? typeName)
    {
        var row = new PSObject();
        for (var i = 0; i < columns.Count; i++)
        {
            var name = string.IsNullOrEmpty(columns[i]) ? "H" + (i + 1) : columns[i]!;
            row.Properties.Add(new PSNoteProperty(name, i < values.Count ? values[i] : null));
        }

        if (typeName is not null)
        {
            row.TypeNames.Insert(0, typeName);
            row.TypeNames.Insert(0, "CSV:" + typeName);
        }

        return row;
    }
}
