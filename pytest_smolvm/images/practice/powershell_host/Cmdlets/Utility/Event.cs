using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Threading;

namespace Microsoft.PowerShell.Commands;

/// <summary>Register-ObjectEvent: subscribes to an event of a .NET object.</summary>
[Cmdlet(VerbsLifecycle.Register, "ObjectEvent")]
[OutputType(typeof(PSEventJob))]
public sealed class RegisterObjectEventCommand : ObjectEventRegistrationBase
{
    [Parameter(Position = 0, Mandatory = true)]
    public PSObject InputObject { get; set; } = null!;

    [Parameter(Position = 1, Mandatory = true)]
    public string EventName { get; set; } = "";

    protected override object GetSourceObject() => InputObject;

    protected override string GetSourceObjectEventName() => EventName;
}

/// <summary>Register-EngineEvent: subscribes to an event that New-Event raises.</summary>
[Cmdlet(VerbsLifecycle.Register, "EngineEvent")]
[OutputType(typeof(PSEventJob))]
public sealed class RegisterEngineEventCommand : ObjectEventRegistrationBase
{
    [Parameter(Position = 0, Mandatory = true)]
    public new string SourceIdentifier
    {
        get => base.SourceIdentifier;
        set => base.SourceIdentifier = value;
    }

    protected override object GetSourceObject() => null!;

    protected override string GetSourceObjectEventName() => null!;
}

/// <summary>Unregister-Event.</summary>
[Cmdlet(VerbsLifecycle.Unregister, "Event", DefaultParameterSetName = "BySource", SupportsShouldProcess = true)]
public sealed class UnregisterEventCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "BySource", ValueFromPipelineByPropertyName = true)]
    public string SourceIdentifier { get; set; } = "*";

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "ById", ValueFromPipelineByPropertyName = true)]
    public int SubscriptionId { get; set; } = -1;

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        var pattern = WildcardPattern.Get(SourceIdentifier, WildcardOptions.IgnoreCase);
        var chosen = Events.Subscribers.Where(subscriber =>
            ParameterSetName == "ById" ? subscriber.SubscriptionId == SubscriptionId : pattern.IsMatch(subscriber.SourceIdentifier ?? ""));
        foreach (var subscriber in chosen.ToList())
        {
            if (ShouldProcess($"Event subscription '{subscriber.SourceIdentifier}'", "Unregister"))
            {
                Events.UnsubscribeEvent(subscriber);
            }
        }
    }
}

/// <summary>Get-EventSubscriber.</summary>
[Cmdlet(VerbsCommon.Get, "EventSubscriber")]
[OutputType(typeof(PSEventSubscriber))]
public sealed class GetEventSubscriberCommand : PSCmdlet
{
    [Parameter(Position = 0)]
    public string SourceIdentifier { get; set; } = "*";

    protected override void ProcessRecord()
    {
        var pattern = WildcardPattern.Get(SourceIdentifier, WildcardOptions.IgnoreCase);
        WriteObject(Events.Subscribers.Where(subscriber => pattern.IsMatch(subscriber.SourceIdentifier ?? "")).ToList(), enumerateCollection: true);
    }
}

/// <summary>A cmdlet over the queue of events that nobody handled.</summary>
public abstract class EventQueueCommand : PSCmdlet
{
    private protected List<PSEventArgs> Queued(string? source)
    {
        lock (Events.ReceivedEvents.SyncRoot)
        {
            return Events.ReceivedEvents.Where(received => source is null || IsFrom(received, source)).ToList();
        }
    }

    private static bool IsFrom(PSEventArgs received, string source) =>
        WildcardPattern.Get(source, WildcardOptions.IgnoreCase).IsMatch(received.SourceIdentifier ?? "");
}

/// <summary>Get-Event.</summary>
[Cmdlet(VerbsCommon.Get, "Event")]
[OutputType(typeof(PSEventArgs))]
public sealed class GetEventCommand : EventQueueCommand
{
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    public string? SourceIdentifier { get; set; }

    protected override void ProcessRecord() => WriteObject(Queued(SourceIdentifier), enumerateCollection: true);
}

/// <summary>Wait-Event: until an event is in the queue.</summary>
[Cmdlet(VerbsLifecycle.Wait, "Event")]
[OutputType(typeof(PSEventArgs))]
public sealed class WaitEventCommand : EventQueueCommand
{
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    public string? SourceIdentifier { get; set; }

    /// <summary>Seconds; -1 for ever.</summary>
    [Parameter]
    [Alias("TimeoutSec")]
    public int Timeout { get; set; } = -1;

    protected override void ProcessRecord()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (!Stopping && (Timeout < 0 || clock.Elapsed.TotalSeconds < Timeout))
        {
            if (Queued(SourceIdentifier) is { Count: > 0 } queued)
            {
                WriteObject(queued[0]);
                return;
            }

            Thread.Sleep(50);
        }
    }
}

/// <summary>Remove-Event: takes events off the queue.</summary>
[Cmdlet(VerbsCommon.Remove, "Event", DefaultParameterSetName = "BySource", SupportsShouldProcess = true)]
public sealed class RemoveEventCommand : EventQueueCommand
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "BySource", ValueFromPipelineByPropertyName = true)]
    public string? SourceIdentifier { get; set; }

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "ById", ValueFromPipelineByPropertyName = true)]
    public int EventIdentifier { get; set; }

    protected override void ProcessRecord()
    {
        lock (Events.ReceivedEvents.SyncRoot)
        {
            var chosen = Queued(SourceIdentifier)
                .Where(received => SourceIdentifier is not null || received.EventIdentifier == EventIdentifier)
                .ToHashSet();
            var all = Events.ReceivedEvents.ToList();
            for (var i = all.Count - 1; i >= 0; i--)
            {
                if (chosen.Contains(all[i]))
                {
                    Events.ReceivedEvents.RemoveAt(i);
                }
            }
        }
    }
}

/// <summary>New-Event: raises an event.</summary>
[Cmdlet(VerbsCommon.New, "Event")]
[OutputType(typeof(PSEventArgs))]
public sealed class NewEventCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true)]
    public string SourceIdentifier { get; set; } = "";

    [Parameter(Position = 1)]
    public PSObject? Sender { get; set; }

    [Parameter(Position = 2)]
    public PSObject[] EventArguments { get; set; } = [];

    [Parameter(Position = 3)]
    public PSObject? MessageData { get; set; }

    protected override void EndProcessing() =>
        WriteObject(Events.GenerateEvent(SourceIdentifier, Sender, EventArguments.Cast<object>().ToArray(), MessageData, processInCurrentThread: true, waitForCompletionInCurrentThread: false));
}
