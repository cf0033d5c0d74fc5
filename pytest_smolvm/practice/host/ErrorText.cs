using System;
using System.Management.Automation;
using System.Text;

namespace PracticeGuest;

/// <summary>Error records in the words and layout of Windows PowerShell 5.1's NormalView.</summary>
public static class ErrorText
{
    private const int Indent = 4;

    /// <summary>The text of one record; the last line is a single space, as on Windows.</summary>
    public static string Of(ErrorRecord record, int width)
    {
        if (record.FullyQualifiedErrorId == "NativeCommandErrorMessage")
        {
            return record.Exception.Message;
        }

        var details = record.ErrorDetails?.Message;
        var text = new StringBuilder(Origin(record.InvocationInfo))
            .Append(string.IsNullOrEmpty(details) ? Message(record) : details);
        if (record.InvocationInfo?.PositionMessage is { Length: > 0 } position)
        {
            text.Append('\n').Append(position);
        }

        AppendIndented(text, "+ CategoryInfo          : " + record.CategoryInfo, width);
        AppendIndented(text, "+ FullyQualifiedErrorId : " + record.FullyQualifiedErrorId, width);
        return string.IsNullOrEmpty(details) ? text.Append("\n ").ToString() : text.ToString();
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

    private static string Message(ErrorRecord record) => record.Exception is CommandNotFoundException missing
        && record.FullyQualifiedErrorId == "CommandNotFoundException"
        ? $"The term '{missing.CommandName}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
            + "Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
        : record.Exception.Message;

    private static void AppendIndented(StringBuilder text, string line, int width)
    {
        var room = Math.Max(width - Indent - 2, 1);
        text.Append('\n');
        for (var start = 0; start < line.Length; start += room)
        {
            text.Append(' ', Indent).Append(line, start, Math.Min(room, line.Length - start));
        }
    }
}
