using System;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace PracticeGuest;

/// <summary>The engine's host: a name, a version and a user interface; remembers <c>exit N</c>.</summary>
internal sealed class ConsoleHost(ConsoleUserInterface ui) : PSHost
{
    private static readonly Guid Identity = Guid.NewGuid();

    public override string Name => "ConsoleHost";

    public override Version Version => PSVersionInfo.PSVersion;

    public override Guid InstanceId => Identity;

    public override PSHostUserInterface UI => ui;

    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;

    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;

    /// <summary>What a script gave to <c>exit</c>, if it called it.</summary>
    public int? ExitCode { get; private set; }

    public override void SetShouldExit(int exitCode) => ExitCode = exitCode;

    public override void EnterNestedPrompt() =>
        throw new PSNotSupportedException("The practice guest's powershell.exe has no nested prompt.");

    public override void ExitNestedPrompt() =>
        throw new PSNotSupportedException("The practice guest's powershell.exe has no nested prompt.");

    // Console programs write to the same handles as we do, and every write of ours is flushed: nothing to arrange.
    public override void NotifyBeginApplication()
    {
    }

    public override void NotifyEndApplication()
    {
    }
}
