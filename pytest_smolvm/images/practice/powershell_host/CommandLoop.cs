using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Text;

namespace PracticeGuest;

/// <summary>
/// Statements from standard input, one by one, as at a prompt. A block that spans lines runs at the first empty line
/// after it; one that is never finished so is dropped, as on Windows.
/// </summary>
internal sealed class CommandLoop(Executor executor, bool prompt)
{
    public int Run()
    {
        var block = new StringBuilder();
        while (executor.Host.ExitCode is null && NextLine(block.Length > 0) is { } text)
        {
            var blockContinues = block.Length > 0;
            block.AppendLine(text);
            if (blockContinues ? text.Length > 0 : IsIncomplete(block.ToString()))
            {
                continue;
            }

            var statement = block.ToString();
            block.Clear();
            if (!string.IsNullOrWhiteSpace(statement))
            {
                executor.Run(shell => shell.AddScript(statement, useLocalScope: false));
            }
        }

        return 0;
    }

    private string? NextLine(bool blockContinues)
    {
        if (prompt)
        {
            Console.Out.Write(blockContinues ? ">> " : Prompt());
        }

        return Console.In.ReadLine();
    }

    private string Prompt()
    {
        using var shell = PowerShell.Create(executor.Runspace);
        foreach (var text in shell.AddCommand("prompt").Invoke())
        {
            return text.ToString();
        }

        return "PS>";
    }

    private static bool IsIncomplete(string statement)
    {
        Parser.ParseInput(statement, out _, out var errors);
        return new List<ParseError>(errors).Exists(error => error.IncompleteInput);
    }
}
