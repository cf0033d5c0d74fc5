using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Get-WinEvent: the practice guest keeps no event log.</summary>
[Cmdlet(VerbsCommon.Get, "WinEvent")]
public sealed class GetWinEventCommand : PSCmdlet
{
    [Parameter(ValueFromRemainingArguments = true)]
    public object[] Arguments { get; set; } = [];

    protected override void BeginProcessing() => ThrowTerminatingError(new ErrorRecord(
        new PSNotSupportedException("Get-WinEvent is not available in the practice guest: it keeps no event log."),
        "NotAvailableInPracticeGuest",
        ErrorCategory.NotImplemented,
        null));
}
