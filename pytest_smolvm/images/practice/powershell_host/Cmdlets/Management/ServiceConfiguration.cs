using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.Linq;
using System.Management.Automation;
using System.ServiceProcess;

namespace Microsoft.PowerShell.Commands;

/// <summary>A cmdlet that changes the service database through sc.exe.</summary>
public abstract class ServiceConfigurationCommand : PSCmdlet
{
    /// <summary>Runs sc.exe; false, with an error record, if it refuses.</summary>
    protected bool Configure(string service, params string[] words)
    {
        var info = new ProcessStartInfo("sc.exe") { UseShellExecute = false, CreateNoWindow = true, RedirectStandardOutput = true };
        foreach (var word in words)
        {
            info.ArgumentList.Add(word);
        }

        using var sc = Process.Start(info)!;
        sc.StandardOutput.ReadToEnd();
        sc.WaitForExit();
        if (sc.ExitCode == 0)
        {
            return true;
        }

        var refusal = new ServiceCommandException(
            $"Service '{service}' cannot be configured due to the following error: {new Win32Exception(sc.ExitCode).Message}", null);
        WriteError(new ErrorRecord(refusal, "CouldNotSetService", ErrorCategory.PermissionDenied, service));
        return false;
    }

    protected static string StartWord(ServiceStartMode mode) => mode switch
    {
        ServiceStartMode.Automatic => "auto",
        ServiceStartMode.Disabled => "disabled",
        ServiceStartMode.Manual => "demand",
        _ => mode.ToString().ToLowerInvariant(),
    };
}

/// <summary>New-Service.</summary>
[Cmdlet(VerbsCommon.New, "Service", SupportsShouldProcess = true)]
[OutputType(typeof(ServiceController))]
public sealed class NewServiceCommand : ServiceConfigurationCommand
{
    [Parameter(Position = 0, Mandatory = true)]
    [Alias("ServiceName")]
    public string Name { get; set; } = "";

    [Parameter(Position = 1, Mandatory = true)]
    [Alias("Path")]
    public string BinaryPathName { get; set; } = "";

    [Parameter]
    public string? DisplayName { get; set; }

    [Parameter]
    public string? Description { get; set; }

    [Parameter]
    public ServiceStartMode StartupType { get; set; } = ServiceStartMode.Automatic;

    [Parameter]
    public string[] DependsOn { get; set; } = [];

    protected override void BeginProcessing()
    {
        if (!ShouldProcess(Name) || !Configure(Name, Words().ToArray()))
        {
            return;
        }

        if (Description is not null)
        {
            Configure(Name, "description", Name, Description);
        }

        WriteObject(new ServiceController(Name));
    }

    private IEnumerable<string> Words()
    {
        List<string> words = ["create", Name, "binPath=", BinaryPathName, "start=", StartWord(StartupType), "DisplayName=", DisplayName ?? Name];
        return DependsOn.Length == 0 ? words : words.Concat(["depend=", string.Join('/', DependsOn)]);
    }
}

/// <summary>Set-Service: start type, names, and the state to be in.</summary>
[Cmdlet(VerbsCommon.Set, "Service", SupportsShouldProcess = true)]
public sealed class SetServiceCommand : ServiceConfigurationCommand
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [Alias("ServiceName", "SN")]
    public string Name { get; set; } = "";

    [Parameter]
    public string? DisplayName { get; set; }

    [Parameter]
    public string? Description { get; set; }

    [Parameter]
    public ServiceStartMode? StartupType { get; set; }

    [Parameter]
    [ValidateSet("Running", "Stopped", "Paused")]
    public string? Status { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord()
    {
        if (!ShouldProcess(Name))
        {
            return;
        }

        if (StartupType is { } mode)
        {
            Configure(Name, "config", Name, "start=", StartWord(mode));
        }

        if (DisplayName is not null)
        {
            Configure(Name, "config", Name, "DisplayName=", DisplayName);
        }

        if (Description is not null)
        {
            Configure(Name, "description", Name, Description);
        }

        using var service = new ServiceController(Name);
        Reach(service);
        if (PassThru)
        {
            WriteObject(new ServiceController(Name));
        }
    }

    private void Reach(ServiceController service)
    {
        switch (Status)
        {
            case "Running" when service.Status == ServiceControllerStatus.Paused: service.Continue(); break;
            case "Running" when service.Status == ServiceControllerStatus.Stopped: service.Start(); break;
            case "Stopped" when service.Status != ServiceControllerStatus.Stopped: service.Stop(); break;
            case "Paused": service.Pause(); break;
        }
    }
}
