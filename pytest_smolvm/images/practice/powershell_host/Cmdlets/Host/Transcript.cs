using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>A cmdlet of Windows that the practice guest cannot offer: it says so, whatever its arguments.</summary>
public abstract class MissingHostCommand : PSCmdlet
{
    [Parameter(ValueFromRemainingArguments = true)]
    public object[] Arguments { get; set; } = [];

    protected override void BeginProcessing() => ThrowTerminatingError(new ErrorRecord(
        new PSNotSupportedException($"{MyInvocation.MyCommand.Name} is not available in the practice guest: its console keeps no transcript."),
        "NotAvailableInPracticeGuest",
        ErrorCategory.NotImplemented,
        null));
}

/// <summary>Start-Transcript.</summary>
[Cmdlet(VerbsLifecycle.Start, "Transcript")]
public sealed class StartTranscriptCommand : MissingHostCommand;

/// <summary>Stop-Transcript.</summary>
[Cmdlet(VerbsLifecycle.Stop, "Transcript")]
public sealed class StopTranscriptCommand : MissingHostCommand;
