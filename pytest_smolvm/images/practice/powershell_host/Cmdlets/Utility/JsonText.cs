using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Microsoft.PowerShell.Commands;

/// <summary>
/// JSON in the layout of 5.1: two blanks after the colon, a nested value indented from the column where it opens, and
/// <c>' &lt; &gt; &amp;</c> escaped.
/// </summary>
internal sealed class JsonText(bool pretty)
{
    private readonly StringBuilder _text = new();

    public string Of(object? value)
    {
        Write(value, 0);
        return _text.ToString();
    }

    private void Write(object? value, int column)
    {
        switch (value)
        {
            case null: _text.Append("null"); break;
            case bool truth: _text.Append(truth ? "true" : "false"); break;
            case string text: WriteString(text); break;
            case JsonLiteral literal: _text.Append(literal.Text); break;
            case JsonMap map: WriteMap(map, column); break;
            case List<object?> list: WriteList(list, column); break;
        }
    }

    private void WriteMap(JsonMap map, int column)
    {
        _text.Append('{');
        for (var i = 0; i < map.Members.Count; i++)
        {
            var (name, value) = map.Members[i];
            Separate(i, column + 4);
            var start = _text.Length;
            WriteString(name);
            _text.Append(pretty ? ":  " : ":");
            Write(value, column + 4 + _text.Length - start);
        }

        Close('}', map.Members.Count, column);
    }

    private void WriteList(List<object?> list, int column)
    {
        _text.Append('[');
        for (var i = 0; i < list.Count; i++)
        {
            Separate(i, column + 4);
            Write(list[i], column + 4);
        }

        Close(']', list.Count, column);
    }

    private void Separate(int index, int column)
    {
        if (index > 0)
        {
            _text.Append(',');
        }

        NewLine(column);
    }

    private void Close(char bracket, int count, int column)
    {
        if (count == 0)
        {
            NewLine(0); // an empty object or list is a blank line between brackets
        }

        NewLine(column);
        _text.Append(bracket);
    }

    private void NewLine(int column)
    {
        if (pretty)
        {
            _text.Append("\r\n").Append(' ', column);
        }
    }

    private void WriteString(string text)
    {
        _text.Append('"');
        foreach (var c in text)
        {
            _text.Append(Escaped(c));
        }

        _text.Append('"');
    }

    private static string Escaped(char c) => c switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\f' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\'' or '<' or '>' or '&' or '\u0085' or '\u2028' or '\u2029' or < ' ' => "\\u" + ((int)c).ToString("x4", CultureInfo.InvariantCulture),
        _ => c.ToString(),
    };
}
