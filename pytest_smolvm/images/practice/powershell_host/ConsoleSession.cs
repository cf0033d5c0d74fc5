using System;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PracticeGuest;

/// <summary>One run of powershell.exe: opens the runspace, runs what the command line asks for, gives the exit code.</summary>
internal sealed class ConsoleSession(CommandLine line)
{
    public int Run()
    {
        using var errors = ErrorsAreXml() ? new ClixmlStream(() => Console.Error) : null;
        var host = new ConsoleHost(new ConsoleUserInterface(errors, line.NonInteractive));
        using var runspace = RunspaceFactory.CreateRunspace(host, SessionDefaults.Create(line));
        runspace.ThreadOptions = PSThreadOptions.ReuseThread;
        runspace.ApartmentState = line.SingleThreaded ? System.Threading.ApartmentState.STA : System.Threading.ApartmentState.MTA;
        runspace.Open();
        EngineEnvironment.Finish();
        InheritableSockets.PrepareIfWanted();
        var executor = new Executor(runspace, host, line.XmlOutput ? errors : null);
        Console.CancelKeyPress += (_, press) => press.Cancel = executor.Stop();
        Profiles.Publish(runspace);
        if (!line.NoProfile)
        {
            Profiles.Run(executor);
        }

        var exitCode = RunCommandLine(executor);
        if (line.NoExit && host.ExitCode is null)
        {
            exitCode = new CommandLoop(executor, prompt: true).Run();
        }

        return host.ExitCode ?? exitCode;
    }

    private int RunCommandLine(Executor executor) => line.Mode switch
    {
        StartMode.File => RunFile(executor),
        StartMode.StandardInput => new CommandLoop(executor, prompt: false).Run(),
        StartMode.Interactive => line.NoExit ? 0 : RunInteractive(executor),
        _ => RunScript(executor),
    };

    private int RunInteractive(Executor executor)
    {
        if (!line.NoLogo)
        {
            Console.Out.Write(
                "Windows PowerShell\r\nPractice guest; engine " + PSVersionInfo.PSVersion + ".\r\n\r\n");
        }

        return new CommandLoop(executor, prompt: true).Run();
    }

    /// <summary><c>-Command</c>: 1 if the last statement failed, whatever a native program returned.</summary>
    private int RunScript(Executor executor)
    {
        var succeeded = executor.Run(shell => shell.AddScript(line.Script, useLocalScope: false), Input());
        return succeeded ? 0 : 1;
    }

    /// <summary><c>-File</c>: 1 if the script threw, else 0, whatever native programs returned; its <c>exit N</c> goes to the host.</summary>
    private int RunFile(Executor executor)
    {
        var command = new Command(line.Script, isScript: false, useLocalScope: false);
        foreach (var argument in line.Arguments)
        {
            command.Parameters.Add(argument);
        }

        executor.RunFile(command, Input());
        return executor.Threw ? 1 : 0;
    }

    /// <summary>Standard input is left to native programs unless the script reads <c>$input</c>.</summary>
    private IEnumerable<object>? Input()
    {
        if (!Console.IsInputRedirected || !ReadsInput())
        {
            return null;
        }

        return line.XmlInput ? ClixmlInput.Objects(Console.In) : Lines(Console.In);
    }

    private bool ReadsInput()
    {
        var text = line.Mode == StartMode.File ? File.ReadAllText(line.Script) : line.Script;
        return text.Contains("$input", StringComparison.OrdinalIgnoreCase)
            || text.Contains("${input}", StringComparison.OrdinalIgnoreCase);
    }

    private static IEnumerable<object> Lines(TextReader reader)
    {
        while (reader.ReadLine() is { } text)
        {
            yield return text;
        }
    }

    /// <summary>
    /// Windows writes CLIXML to standard error when the command came encoded, nobody sits at the prompt and the stream is
    /// redirected: it takes the caller for another PowerShell.
    /// </summary>
    private bool ErrorsAreXml() =>
        line.XmlOutput || (line.Mode == StartMode.EncodedCommand && !line.NoExit && Console.IsErrorRedirected);
}
