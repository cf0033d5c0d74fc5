using System.Management.Automation;

namespace Microsoft.WSMan.Management;

/// <summary>Test-WSMan: the practice guest has no WinRM.</summary>
[Cmdlet(VerbsDiagnostic.Test, "WSMan")]
public sealed class TestWSManCommand : PSCmdlet
{
    [Parameter(ValueFromRemainingArguments = true)]
    public object[] Arguments { get; set; } = [];

    protected override void BeginProcessing() => ThrowTerminatingError(new ErrorRecord(
        new PSNotSupportedException("Test-WSMan is not available in the practice guest: it has no WinRM."),
        "NotAvailableInPracticeGuest",
        ErrorCategory.NotImplemented,
        null));
}
