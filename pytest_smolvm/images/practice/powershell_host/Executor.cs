using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;

namespace PracticeGuest;

/// <summary>Runs one pipeline after another in the session's runspace and shows what comes out.</summary>
internal sealed class Executor(Runspace runspace, ConsoleHost host, ClixmlStream? xmlErrors)
{
    // Only a pipeline that goes to the history leaves its $? behind: the exit code of -Command depends on it.
    private static readonly PSInvocationSettings Statements = new() { AddToHistory = true };

    private volatile PowerShell? _running;

    public Runspace Runspace => runspace;

    public ConsoleHost Host => host;

    /// <summary>Whether the last pipeline ended with a terminating error.</summary>
    public bool Threw { get; private set; }

    /// <summary>Runs a pipeline; false when <c>$?</c> is false afterwards.</summary>
    public bool Run(Action<PowerShell> commands, IEnumerable<object>? input = null)
    {
        using var shell = PowerShell.Create(runspace);
        commands(shell);
        Threw = false;
        _running = shell;
        try
        {
            Invoke(shell, input);
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

    /// <summary>
    /// Runs the script file of <c>-File</c>. Its <c>exit</c> ends the process; that of any other script file ends the file
    /// only, and the engine lets nobody but its own console host choose.
    /// </summary>
    public void RunFile(Command script, IEnumerable<object>? input)
    {
        const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic;
        var context = typeof(Runspace).GetProperty("ExecutionContext", Hidden)!.GetValue(runspace)!;
        context.GetType().GetProperty("ScriptCommandProcessorShouldRethrowExit", Hidden)!.SetValue(context, true);
        Run(shell => shell.Commands.AddCommand(script), input);
    }

    /// <summary>Ends the running pipeline, as Ctrl+C does; false when nothing runs.</summary>
    public bool Stop()
    {
        var shell = _running;
        shell?.BeginStop(null, null);
        return shell is not null;
    }

    private void Invoke(PowerShell shell, IEnumerable<object>? input)
    {
        shell.Streams.Error.DataAdded += (_, added) => Show(shell.Streams.Error[added.Index]);
        if (xmlErrors is not null)
        {
            InvokeForCaller(shell, input);
            return;
        }

        shell.AddCommand("Out-Default");
        shell.Invoke(input ?? [], new List<PSObject>(), Statements);
    }

    /// <summary>The caller is a PowerShell: objects instead of text, on both streams.</summary>
    private static void InvokeForCaller(PowerShell shell, IEnumerable<object>? input)
    {
        using var stream = new ClixmlStream(() => Console.Out);
        var output = new PSDataCollection<PSObject>();
        output.DataAdded += (_, added) => stream.Write(output[added.Index], "Output");
        shell.Invoke(input ?? [], output, Statements);
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
