using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Get-Location: the current location, of one drive or provider if asked.</summary>
[Cmdlet(VerbsCommon.Get, "Location", DefaultParameterSetName = "Location")]
public sealed class GetLocationCommand : ProviderCommand
{
    [Parameter(ParameterSetName = "Location", ValueFromPipelineByPropertyName = true)]
    public string[] PSProvider { get; set; } = [];

    [Parameter(ParameterSetName = "Location", ValueFromPipelineByPropertyName = true)]
    public string[] PSDrive { get; set; } = [];

    [Parameter(ParameterSetName = "Stack")]
    public SwitchParameter Stack { get; set; }

    [Parameter(ParameterSetName = "Stack", ValueFromPipelineByPropertyName = true)]
    public string[] StackName { get; set; } = [];

    protected override void ProcessRecord()
    {
        if (ParameterSetName == "Stack")
        {
            WriteStacks();
        }
        else if (PSProvider.Length == 0 && PSDrive.Length == 0)
        {
            WriteObject(SessionState.Path.CurrentLocation);
        }
        else
        {
            WriteSelected();
        }
    }

    private void WriteStacks()
    {
        foreach (var name in StackName.Length == 0 ? ["default"] : StackName)
        {
            Attempt(() => WriteObject(SessionState.Path.LocationStack(name), enumerateCollection: false));
        }
    }

    private void WriteSelected()
    {
        foreach (var drive in PSDrive)
        {
            Attempt(() => WriteObject(SessionState.Path.GetResolvedPSPathFromPSPath(drive + ":"), enumerateCollection: true));
        }

        foreach (var provider in PSProvider)
        {
            Attempt(() => WriteObject(SessionState.Path.CurrentProviderLocation(provider)));
        }
    }
}

/// <summary>Set-Location.</summary>
[Cmdlet(VerbsCommon.Set, "Location", DefaultParameterSetName = "Path")]
public sealed class SetLocationCommand : ProviderCommand
{
    [Parameter(Position = 0, ParameterSetName = "Path", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string Path { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string? LiteralPath { get; set; }

    [Parameter(ParameterSetName = "Stack", ValueFromPipelineByPropertyName = true)]
    public string? StackName { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord() => Attempt(Go);

    private void Go()
    {
        if (StackName is not null)
        {
            SessionState.Path.SetDefaultLocationStack(StackName);
            return;
        }

        var target = LiteralPath is null ? Path : WildcardPattern.Escape(LiteralPath);
        if (target.Length > 0)
        {
            var there = SessionState.Path.SetLocation(target);
            if (PassThru)
            {
                WriteObject(there);
            }
        }
    }
}

/// <summary>Push-Location: remembers where it was.</summary>
[Cmdlet(VerbsCommon.Push, "Location", DefaultParameterSetName = "Path")]
public sealed class PushLocationCommand : ProviderCommand
{
    [Parameter(Position = 0, ParameterSetName = "Path", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string Path { get; set; } = "";

    [Parameter(ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string? LiteralPath { get; set; }

    [Parameter]
    public string StackName { get; set; } = "default";

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord() => Attempt(Push);

    private void Push()
    {
        SessionState.Path.PushCurrentLocation(StackName);
        var target = LiteralPath is null ? Path : WildcardPattern.Escape(LiteralPath);
        if (target.Length > 0)
        {
            SessionState.Path.SetLocation(target);
        }

        if (PassThru)
        {
            WriteObject(SessionState.Path.CurrentLocation);
        }
    }
}

/// <summary>Pop-Location: back to where Push-Location was.</summary>
[Cmdlet(VerbsCommon.Pop, "Location")]
public sealed class PopLocationCommand : ProviderCommand
{
    [Parameter]
    public string StackName { get; set; } = "default";

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord() => Attempt(() =>
    {
        var there = SessionState.Path.PopLocation(StackName);
        if (PassThru)
        {
            WriteObject(there);
        }
    });
}
