using System;
using System.Collections.Generic;
using System.Management.Automation;

namespace PracticeGuest;

/// <summary>Error records in the words and layout of Windows PowerShell 5.1's NormalView.</summary>
internal static class ErrorText
{
    private const string Indent = "    ";

    // Where the engine cuts a long text it now writes one character; 5.1 wrote three.
    private const string Ellipsis = "\u2026";

    private const string Dots = "...";

    /// <summary>The lines of one record, wrapped at <paramref name="width"/>; the last is a single blank, as on Windows.</summary>
    public static IEnumerable<string> Of(ErrorRecord record, int width)
    {
        if (record.FullyQualifiedErrorId is "NativeCommandErrorMessage" or "NativeCommandError")
        {
            return [record.Exception.Message];
        }

        var details = record.ErrorDetails?.Message;
        var hasDetails = !string.IsNullOrEmpty(details);
        var lines = new List<string>();
        AddText(lines, Origin(record.InvocationInfo) + (hasDetails ? details : Message(record)), width);
        AddText(lines, Position(record.InvocationInfo), width);
        AddDetail(lines, "+ CategoryInfo          : " + record.CategoryInfo.ToString().Replace(Ellipsis, Dots), width);
        AddDetail(lines, "+ FullyQualifiedErrorId : " + record.FullyQualifiedErrorId, width);
        if (!hasDetails)
        {
            lines.Add(" ");
        }

        return lines;
    }

    /// <summary>Who failed: the script's path, the text of a command line, or the name the command was called by.</summary>
    private static string Origin(InvocationInfo? invocation)
    {
        var name = invocation?.MyCommand switch
        {
            null => invocation?.InvocationName,
            ExternalScriptInfo script => script.Path,
            ScriptInfo script => script.ScriptBlock.ToString(),
            var command when invocation.InvocationName is null or "" or "&" or "." => command.Name,
            _ => invocation.InvocationName,
        };
        return string.IsNullOrEmpty(name) ? "" : name + " : ";
    }

    // The engine's later versions say "a name of" and "executable program".
    private static string Message(ErrorRecord record) => record.Exception is CommandNotFoundException missing
        && record.FullyQualifiedErrorId.StartsWith("CommandNotFoundException", StringComparison.Ordinal)
        ? $"The term '{missing.CommandName}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
            + "Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
        : record.Exception.Message;

    /// <summary>The place in the script; the tildes stay under the words they mark.</summary>
    private static string? Position(InvocationInfo? invocation)
    {
        var lines = invocation?.PositionMessage?.Split('\n');
        if (lines is [_, var source, var marks] && source.StartsWith("+ " + Ellipsis, StringComparison.Ordinal))
        {
            lines[2] = marks.Insert(2, "  ");
        }

        return lines is null ? null : string.Join('\n', lines).Replace(Ellipsis, Dots);
    }

    private static void AddText(List<string> lines, string? text, int width)
    {
        if (string.IsNullOrEmpty(text))
        {
            return;
        }

        foreach (var line in text.Split('\n'))
        {
            AddWrapped(lines, line.TrimEnd('\r'), width);
        }
    }

    /// <summary>Breaks at the last blank that fits, or in the middle of a word that is too long.</summary>
    private static void AddWrapped(List<string> lines, string line, int width)
    {
        while (line.Length > width)
        {
            var blank = line.LastIndexOf(' ', width);
            var end = blank > 0 ? blank : width;
            lines.Add(line[..end]);
            line = line[(blank > 0 ? end + 1 : end)..];
        }

        lines.Add(line);
    }

    /// <summary>Details are cut, not wrapped, and every piece is indented.</summary>
    private static void AddDetail(List<string> lines, string detail, int width)
    {
        var room = Math.Max(width - Indent.Length - 2, 1);
        for (var start = 0; start < detail.Length; start += room)
        {
            lines.Add(Indent + detail.Substring(start, Math.Min(room, detail.Length - start)));
        }
    }
}
