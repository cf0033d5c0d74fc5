using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>A process that was asked for and is not there.</summary>
public sealed class ProcessCommandException(string message) : SystemException(message);

/// <summary>A cmdlet that picks processes by name, number or object.</summary>
public abstract class ProcessSelectionCommand : PSCmdlet
{
    protected const string ByName = "Name";

    protected const string ById = "Id";

    protected const string ByObject = "InputObject";

    protected IEnumerable<Process> Select(string[]? names, int[]? ids, Process[]? objects) =>
        objects ?? (ids is not null ? ids.SelectMany(WithId) : (names ?? ["*"]).SelectMany(Named));

    private IEnumerable<Process> WithId(int id)
    {
        try
        {
            return [Process.GetProcessById(id)];
        }
        catch (ArgumentException)
        {
            NotFound($"Cannot find a process with the process identifier {id}.", "NoProcessFoundForGivenId", id);
            return [];
        }
    }

    private IEnumerable<Process> Named(string name)
    {
        var pattern = WildcardPattern.Get(name, WildcardOptions.IgnoreCase);
        var found = Process.GetProcesses().Where(process => pattern.IsMatch(process.ProcessName)).OrderBy(process => process.ProcessName).ToList();
        if (found.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
        {
            NotFound(
                $"Cannot find a process with the name \"{name}\". Verify the process name and call the cmdlet again.",
                "NoProcessFoundForGivenName",
                name);
        }

        return found;
    }

    private void NotFound(string message, string id, object target) =>
        WriteError(new ErrorRecord(new ProcessCommandException(message), id, ErrorCategory.ObjectNotFound, target));
}

/// <summary>Get-Process.</summary>
[Cmdlet(VerbsCommon.Get, "Process", DefaultParameterSetName = ByName)]
[OutputType(typeof(Process))]
public sealed class GetProcessCommand : ProcessSelectionCommand
{
    [Parameter(Position = 0, ParameterSetName = ByName, ValueFromPipelineByPropertyName = true)]
    [Alias("ProcessName")]
    public string[]? Name { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ById, ValueFromPipelineByPropertyName = true)]
    [Alias("PID")]
    public int[]? Id { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ByObject, ValueFromPipeline = true)]
    public Process[]? InputObject { get; set; }

    [Parameter]
    [Alias("FV", "FVI")]
    public SwitchParameter FileVersionInfo { get; set; }

    [Parameter]
    public SwitchParameter Module { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var process in Select(Name, Id, InputObject))
        {
            if (Module)
            {
                WriteObject(process.Modules, enumerateCollection: true);
            }
            else
            {
                WriteObject(FileVersionInfo ? process.MainModule?.FileVersionInfo : process);
            }
        }
    }
}

/// <summary>Stop-Process: ends at once, without asking the program.</summary>
[Cmdlet(VerbsLifecycle.Stop, "Process", DefaultParameterSetName = ById, SupportsShouldProcess = true)]
public sealed class StopProcessCommand : ProcessSelectionCommand
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = ById, ValueFromPipelineByPropertyName = true)]
    public int[]? Id { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ByName, ValueFromPipelineByPropertyName = true)]
    [Alias("ProcessName")]
    public string[]? Name { get; set; }

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = ByObject, ValueFromPipeline = true)]
    public Process[]? InputObject { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var process in Select(Name, Id, InputObject))
        {
            if (ShouldProcess($"{process.ProcessName} ({process.Id})"))
            {
                Stop(process);
            }
        }
    }

    private void Stop(Process process)
    {
        try
        {
            process.Kill();
            if (PassThru)
            {
                WriteObject(process);
            }
        }
        catch (Exception error) when (error is Win32Exception or InvalidOperationException)
        {
            var refusal = new ProcessCommandException(
                $"Cannot stop process \"{process.ProcessName} ({process.Id})\" because of the following error: {error.Message}");
            WriteError(new ErrorRecord(refusal, "CouldNotStopProcess", ErrorCategory.CloseError, process));
        }
    }
}

/// <summary>Wait-Process: returns when the processes have ended.</summary>
[Cmdlet(VerbsLifecycle.Wait, "Process", DefaultParameterSetName = ByName)]
public sealed class WaitProcessCommand : ProcessSelectionCommand
{
    private readonly List<Process> _waitedFor = [];

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = ById, ValueFromPipelineByPropertyName = true)]
    [Alias("PID", "ProcessId")]
    public int[]? Id { get; set; }

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = ByName, ValueFromPipelineByPropertyName = true)]
    [Alias("ProcessName")]
    public string[]? Name { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ByObject, ValueFromPipeline = true)]
    public Process[]? InputObject { get; set; }

    /// <summary>Seconds.</summary>
    [Parameter(Position = 1)]
    [Alias("TimeoutSec")]
    [ValidateRange(0, 32767)]
    public int? Timeout { get; set; }

    protected override void ProcessRecord() => _waitedFor.AddRange(Select(Name, Id, InputObject));

    protected override void EndProcessing()
    {
        var clock = Stopwatch.StartNew();
        foreach (var process in _waitedFor)
        {
            var left = Timeout is { } seconds ? TimeSpan.FromSeconds(seconds) - clock.Elapsed : TimeSpan.MaxValue;
            WaitFor(process, clock, left);
        }
    }

    private void WaitFor(Process process, Stopwatch clock, TimeSpan limit)
    {
        var deadline = limit == TimeSpan.MaxValue ? limit : clock.Elapsed + limit;
        while (!Stopping && !process.WaitForExit(100))
        {
            if (clock.Elapsed >= deadline)
            {
                var late = new TimeoutException($"This command stopped operation because process \"{process.ProcessName} ({process.Id})\" is not stopped in the specified time-out.");
                WriteError(new ErrorRecord(late, "ProcessNotTerminated", ErrorCategory.CloseError, process));
                return;
            }
        }
    }
}
