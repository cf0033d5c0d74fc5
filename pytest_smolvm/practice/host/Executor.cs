using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PracticeGuest;

/// <summary>Runs one pipeline after another in the session's runspace and shows what comes out.</summary>
internal sealed class Executor(Runspace runspace, ConsoleHost host, ClixmlStream? xmlErrors)
{
    // Only a pipeline that goes to the history leaves its $? behind: the exit code of -Command depends on it.
    private static readonly PSInvocationSettings Statements = new() { AddToHistory = true };

    // "exit" in a script file ends the file only; here it is the file that -File names, and ends the process.
    private static readonly PSInvocationSettings File = new() { AddToHistory = true, ExposeFlowControlExceptions = true };

    private volatile PowerShell? _running;

    public Runspace Runspace => runspace;

    public ConsoleHost Host => host;

    /// <summary>Whether the last pipeline ended with a terminating error.</summary>
    public bool Threw { get; private set; }

    /// <summary>Runs a pipeline; false when <c>$?</c> is false afterwards.</summary>
    public bool Run(Action<PowerShell> commands, IEnumerable<object>? input = null) => Run(commands, input, Statements);

    /// <summary>Runs the script file of <c>-File</c>.</summary>
    public void RunFile(Command script, IEnumerable<object>? input) => Run(shell => shell.Commands.AddCommand(script), input, File);

    private bool Run(Action<PowerShell> commands, IEnumerable<object>? input, PSInvocationSettings settings)
    {
        using var shell = PowerShell.Create(runspace);
        commands(shell);
        Threw = false;
        _running = shell;
        try
        {
            Invoke(shell, input, settings);
        }
        catch (ExitException exit)
        {
            host.SetShouldExit(LanguagePrimitives.ConvertTo<int>(exit.Argument));
        }
        catch (RuntimeException error)
        {
            Threw = host.ExitCode is null;
            if (Threw)
            {
                Show(error.ErrorRecord);
            }
        }
        finally
        {
            _running = null;
        }

        return !Threw && runspace.SessionStateProxy.GetVariable("?") is not false;
    }

    /// <summary>Ends the running pipeline, as Ctrl+C does; false when nothing runs.</summary>
    public bool Stop()
    {
        var shell = _running;
        shell?.BeginStop(null, null);
        return shell is not null;
    }

    private void Invoke(PowerShell shell, IEnumerable<object>? input, PSInvocationSettings settings)
    {
        shell.Streams.Error.DataAdded += (_, added) => Show(shell.Streams.Error[added.Index]);
        if (xmlErrors is not null)
        {
            InvokeForCaller(shell, input, settings);
            return;
        }

        shell.AddCommand("Out-Default");
        shell.Invoke(input ?? [], new List<PSObject>(), settings);
    }

    /// <summary>The caller is a PowerShell: objects instead of text, on both streams.</summary>
    private static void InvokeForCaller(PowerShell shell, IEnumerable<object>? input, PSInvocationSettings settings)
    {
        using var stream = new ClixmlStream(() => Console.Out);
        var output = new PSDataCollection<PSObject>();
        output.DataAdded += (_, added) => stream.Write(output[added.Index], "Output");
        shell.Invoke(input ?? [], output, settings);
    }

    private void Show(ErrorRecord error)
    {
        if (xmlErrors is not null)
        {
            xmlErrors.Write(error, "Error");
            return;
        }

        foreach (var text in ErrorText.Of(error, host.UI.RawUI.BufferSize.Width))
        {
            host.UI.WriteErrorLine(text);
        }
    }
}
