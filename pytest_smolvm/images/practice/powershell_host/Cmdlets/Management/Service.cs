using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.ServiceProcess;

namespace Microsoft.PowerShell.Commands;

/// <summary>A cmdlet that picks services by name, display name or object.</summary>
public abstract class ServiceSelectionCommand : PSCmdlet
{
    [Parameter(Position = 0, ParameterSetName = "Default", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("ServiceName")]
    public string[]? Name { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "DisplayName")]
    public string[]? DisplayName { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "InputObject", ValueFromPipeline = true)]
    public ServiceController[]? InputObject { get; set; }

    protected IEnumerable<ServiceController> Selected()
    {
        if (InputObject is not null)
        {
            return InputObject;
        }

        return DisplayName is not null
            ? DisplayName.SelectMany(name => Matching(name, service => service.DisplayName, "display name"))
            : (Name ?? ["*"]).SelectMany(name => Matching(name, service => service.ServiceName, "service name"));
    }

    /// <summary>Runs <paramref name="change"/>; a refusal of the service manager is an error record in Windows' words.</summary>
    protected void Attempt(ServiceController service, string verb, string errorId, Action change)
    {
        try
        {
            change();
        }
        catch (Exception error) when (error is InvalidOperationException or System.ServiceProcess.TimeoutException)
        {
            var refusal = new ServiceCommandException(
                $"Service '{service.DisplayName} ({service.ServiceName})' cannot be {verb} due to the following error: {error.Message}", error);
            WriteError(new ErrorRecord(refusal, errorId, ErrorCategory.OpenError, service));
        }
    }

    private IEnumerable<ServiceController> Matching(string name, Func<ServiceController, string> key, string kind)
    {
        var pattern = WildcardPattern.Get(name, WildcardOptions.IgnoreCase);
        var found = ServiceController.GetServices().Where(service => pattern.IsMatch(key(service))).OrderBy(key).ToList();
        if (found.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
        {
            var missing = new ServiceCommandException($"Cannot find any service with {kind} '{name}'.", null);
            WriteError(new ErrorRecord(missing, "NoServiceFoundForGivenName", ErrorCategory.ObjectNotFound, name));
        }

        return found;
    }
}

/// <summary>A service that is not there or will not do as asked.</summary>
public sealed class ServiceCommandException(string message, Exception? cause) : SystemException(message, cause);

/// <summary>Get-Service.</summary>
[Cmdlet(VerbsCommon.Get, "Service", DefaultParameterSetName = "Default")]
[OutputType(typeof(ServiceController))]
public sealed class GetServiceCommand : ServiceSelectionCommand
{
    [Parameter]
    [Alias("DS")]
    public SwitchParameter DependentServices { get; set; }

    [Parameter]
    [Alias("SDO", "ServicesDependedOn")]
    public SwitchParameter RequiredServices { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var service in Selected())
        {
            if (DependentServices || RequiredServices)
            {
                WriteObject(DependentServices ? service.DependentServices : service.ServicesDependedOn, enumerateCollection: true);
            }
            else
            {
                WriteObject(service);
            }
        }
    }
}

/// <summary>A cmdlet that brings services into a state and waits for it.</summary>
public abstract class ServiceOperationCommand : ServiceSelectionCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var service in Selected())
        {
            if (ShouldProcess($"{service.DisplayName} ({service.ServiceName})"))
            {
                Operate(service);
                if (PassThru)
                {
                    WriteObject(service);
                }
            }
        }
    }

    protected abstract void Operate(ServiceController service);

    protected void Start(ServiceController service) => Attempt(service, "started", "CouldNotStartService", () =>
    {
        if (service.Status != ServiceControllerStatus.Running)
        {
            service.Start();
            service.WaitForStatus(ServiceControllerStatus.Running, Patience);
        }
    });

    protected void Stop(ServiceController service) => Attempt(service, "stopped", "CouldNotStopService", () =>
    {
        if (service.Status != ServiceControllerStatus.Stopped)
        {
            service.Stop();
            service.WaitForStatus(ServiceControllerStatus.Stopped, Patience);
        }
    });
}

/// <summary>Start-Service.</summary>
[Cmdlet(VerbsLifecycle.Start, "Service", DefaultParameterSetName = "Default", SupportsShouldProcess = true)]
public sealed class StartServiceCommand : ServiceOperationCommand
{
    protected override void Operate(ServiceController service) => Start(service);
}

/// <summary>Stop-Service.</summary>
[Cmdlet(VerbsLifecycle.Stop, "Service", DefaultParameterSetName = "Default", SupportsShouldProcess = true)]
public sealed class StopServiceCommand : ServiceOperationCommand
{
    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void Operate(ServiceController service) => Stop(service);
}

/// <summary>Restart-Service.</summary>
[Cmdlet(VerbsLifecycle.Restart, "Service", DefaultParameterSetName = "Default", SupportsShouldProcess = true)]
public sealed class RestartServiceCommand : ServiceOperationCommand
{
    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void Operate(ServiceController service)
    {
        Stop(service);
        Start(service);
    }
}
