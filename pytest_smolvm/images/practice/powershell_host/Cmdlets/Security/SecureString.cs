using System;
using System.Linq;
using System.Management.Automation;
using System.Net;
using System.Security;
using System.Security.Cryptography;
using System.Text;

namespace Microsoft.PowerShell.Commands;

/// <summary>ConvertTo-SecureString: from plain text, or from what ConvertFrom-SecureString gave.</summary>
[Cmdlet(VerbsData.ConvertTo, "SecureString", DefaultParameterSetName = "Secure")]
[OutputType(typeof(SecureString))]
public sealed class ConvertToSecureStringCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    public string String { get; set; } = "";

    [Parameter(Position = 1, Mandatory = true, ParameterSetName = "PlainText")]
    public SwitchParameter AsPlainText { get; set; }

    [Parameter(Position = 2, ParameterSetName = "PlainText")]
    public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        if (AsPlainText && !Force)
        {
            ThrowTerminatingError(new ErrorRecord(
                new ArgumentException("The system cannot protect plain text input. To suppress this warning and convert the plain text to a SecureString, reissue the command specifying the Force parameter. For more information ,type: get-help ConvertTo-SecureString."),
                "ImportSecureString_ForceRequired",
                ErrorCategory.InvalidArgument,
                null));
        }

        var text = AsPlainText ? String : Unprotect();
        WriteObject(new NetworkCredential("", text).SecurePassword);
    }

    private string Unprotect()
    {
        try
        {
            return Encoding.Unicode.GetString(ProtectedData.Unprotect(Convert.FromHexString(String), null, DataProtectionScope.CurrentUser));
        }
        catch (Exception error) when (error is FormatException or CryptographicException)
        {
            ThrowTerminatingError(new ErrorRecord(
                new PSArgumentException("Input string was not in a correct format.", error), "ImportSecureString_InvalidArgument", ErrorCategory.InvalidArgument, null));
            throw;
        }
    }
}

/// <summary>ConvertFrom-SecureString: as hexadecimal text that only this user can turn back.</summary>
[Cmdlet(VerbsData.ConvertFrom, "SecureString")]
[OutputType(typeof(string))]
public sealed class ConvertFromSecureStringCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    public SecureString SecureString { get; set; } = null!;

    protected override void ProcessRecord()
    {
        var text = new NetworkCredential("", SecureString).Password;
        var bytes = ProtectedData.Protect(Encoding.Unicode.GetBytes(text), null, DataProtectionScope.CurrentUser);
        WriteObject(string.Concat(bytes.Select(b => b.ToString("x2"))));
    }
}

/// <summary>Get-Credential: asks the host, which refuses under <c>-NonInteractive</c>.</summary>
[Cmdlet(VerbsCommon.Get, "Credential")]
[OutputType(typeof(PSCredential))]
public sealed class GetCredentialCommand : PSCmdlet
{
    [Parameter(Position = 0)]
    public string UserName { get; set; } = "";

    [Parameter]
    public string Message { get; set; } = "Enter your credentials.";

    protected override void BeginProcessing() =>
        WriteObject(Host.UI.PromptForCredential("Windows PowerShell credential request", Message, UserName, ""));
}
