using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Runspaces;
using System.Threading;

namespace Microsoft.PowerShell.Commands;

/// <summary>Start-Sleep.</summary>
[Cmdlet(VerbsLifecycle.Start, "Sleep", DefaultParameterSetName = "Seconds")]
public sealed class StartSleepCommand : PSCmdlet, IDisposable
{
    private readonly ManualResetEventSlim _stopped = new();

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Seconds", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateRange(0.0, int.MaxValue / 1000.0)]
    public double Seconds { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "Milliseconds", ValueFromPipelineByPropertyName = true)]
    [Alias("ms")]
    [ValidateRange(0, int.MaxValue)]
    public int Milliseconds { get; set; }

    public void Dispose() => _stopped.Dispose();

    // 5.1 sleeps whole seconds: a fraction is rounded, to the even neighbour when it lies between.
    protected override void ProcessRecord() => _stopped.Wait(
        ParameterSetName == "Seconds" ? TimeSpan.FromSeconds(Math.Round(Seconds)) : TimeSpan.FromMilliseconds(Milliseconds));

    protected override void StopProcessing() => _stopped.Set();
}

/// <summary>Get-Host.</summary>
[Cmdlet(VerbsCommon.Get, "Host")]
[OutputType(typeof(PSHost))]
public sealed class GetHostCommand : PSCmdlet
{
    protected override void BeginProcessing() => WriteObject(Host);
}

/// <summary>Get-Culture.</summary>
[Cmdlet(VerbsCommon.Get, "Culture")]
[OutputType(typeof(CultureInfo))]
public sealed class GetCultureCommand : PSCmdlet
{
    protected override void BeginProcessing() => WriteObject(Host.CurrentCulture);
}

/// <summary>Get-UICulture.</summary>
[Cmdlet(VerbsCommon.Get, "UICulture")]
[OutputType(typeof(CultureInfo))]
public sealed class GetUICultureCommand : PSCmdlet
{
    protected override void BeginProcessing() => WriteObject(Host.CurrentUICulture);
}

/// <summary>Read-Host: refused by the host under <c>-NonInteractive</c>.</summary>
[Cmdlet(VerbsCommunications.Read, "Host")]
public sealed class ReadHostCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromRemainingArguments = true)]
    [AllowNull]
    public object[]? Prompt { get; set; }

    [Parameter]
    public SwitchParameter AsSecureString { get; set; }

    protected override void BeginProcessing()
    {
        try
        {
            if (Prompt is not null)
            {
                Host.UI.Write(string.Join(' ', Prompt.Select(LanguagePrimitives.ConvertTo<string>)) + ": ");
            }

            WriteObject(AsSecureString ? Host.UI.ReadLineAsSecureString() : Host.UI.ReadLine());
        }
        catch (Exception refusal) when (refusal is PSInvalidOperationException or HostException)
        {
            ThrowTerminatingError(new ErrorRecord(refusal, "InvalidOperation", ErrorCategory.InvalidOperation, null));
        }
    }
}

/// <summary>Invoke-Expression: runs text as a script, in the caller's scope.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "Expression")]
public sealed class InvokeExpressionCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    public string Command { get; set; } = "";

    protected override void ProcessRecord() => InvokeCommand.InvokeScript(
        Command, useNewScope: false, PipelineResultTypes.Output | PipelineResultTypes.Error, null, []);
}

/// <summary>Get-PSCallStack.</summary>
[Cmdlet(VerbsCommon.Get, "PSCallStack")]
[OutputType(typeof(CallStackFrame))]
public sealed class GetPSCallStackCommand : PSCmdlet
{
    protected override void ProcessRecord() =>
        WriteObject(Runspace.DefaultRunspace.Debugger.GetCallStack(), enumerateCollection: true);
}

/// <summary>New-TemporaryFile.</summary>
[Cmdlet(VerbsCommon.New, "TemporaryFile", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class NewTemporaryFileCommand : PSCmdlet
{
    protected override void EndProcessing()
    {
        if (ShouldProcess(Path.GetTempPath()))
        {
            WriteObject(new FileInfo(Path.GetTempFileName()));
        }
    }
}

/// <summary>Get-Verb: the approved verbs.</summary>
[Cmdlet(VerbsCommon.Get, "Verb")]
public sealed class GetVerbCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromPipeline = true)]
    public string[] Verb { get; set; } = ["*"];

    protected override void ProcessRecord()
    {
        Type[] groups = [typeof(VerbsCommon), typeof(VerbsData), typeof(VerbsLifecycle), typeof(VerbsDiagnostic), typeof(VerbsCommunications), typeof(VerbsSecurity), typeof(VerbsOther)];
        foreach (var group in groups)
        {
            foreach (var name in group.GetFields().Select(field => field.Name).Where(Wanted))
            {
                var shown = new PSObject();
                shown.Properties.Add(new PSNoteProperty("Verb", name));
                shown.Properties.Add(new PSNoteProperty("Group", group.Name["Verbs".Length..]));
                WriteObject(shown);
            }
        }
    }

    private bool Wanted(string name) => Verb.Any(verb => WildcardPattern.Get(verb, WildcardOptions.IgnoreCase).IsMatch(name));
}
