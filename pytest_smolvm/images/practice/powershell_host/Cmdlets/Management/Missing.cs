using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>A cmdlet of Windows that the practice guest cannot offer: it says so, whatever its arguments.</summary>
public abstract class MissingCommand : PSCmdlet
{
    [Parameter(ValueFromRemainingArguments = true)]
    public object[] Arguments { get; set; } = [];

    /// <summary>Why the guest has no such thing.</summary>
    protected abstract string Reason { get; }

    protected override void BeginProcessing() => ThrowTerminatingError(new ErrorRecord(
        new PSNotSupportedException($"{MyInvocation.MyCommand.Name} is not available in the practice guest: {Reason}"),
        "NotAvailableInPracticeGuest",
        ErrorCategory.NotImplemented,
        null));
}

/// <summary>Get-WmiObject: there is no management instrumentation to ask.</summary>
[Cmdlet(VerbsCommon.Get, "WmiObject")]
[Alias("gwmi")]
public sealed class GetWmiObjectCommand : MissingCommand
{
    protected override string Reason => "it has no WMI.";
}

/// <summary>Invoke-WmiMethod.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "WmiMethod")]
public sealed class InvokeWmiMethodCommand : MissingCommand
{
    protected override string Reason => "it has no WMI.";
}

/// <summary>Get-CimInstance.</summary>
[Cmdlet(VerbsCommon.Get, "CimInstance")]
[Alias("gcim")]
public sealed class GetCimInstanceCommand : MissingCommand
{
    protected override string Reason => "it has no CIM.";
}

/// <summary>Invoke-CimMethod.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "CimMethod")]
public sealed class InvokeCimMethodCommand : MissingCommand
{
    protected override string Reason => "it has no CIM.";
}

/// <summary>Get-EventLog.</summary>
[Cmdlet(VerbsCommon.Get, "EventLog")]
public sealed class GetEventLogCommand : MissingCommand
{
    protected override string Reason => "it keeps no event log.";
}

/// <summary>Restart-Computer.</summary>
[Cmdlet(VerbsLifecycle.Restart, "Computer")]
public sealed class RestartComputerCommand : MissingCommand
{
    protected override string Reason => "a guest is restarted from outside.";
}

/// <summary>Stop-Computer.</summary>
[Cmdlet(VerbsLifecycle.Stop, "Computer")]
public sealed class StopComputerCommand : MissingCommand
{
    protected override string Reason => "a guest is shut down from outside.";
}
