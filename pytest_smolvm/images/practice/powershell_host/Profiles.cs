using System;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PracticeGuest;

/// <summary>The four profile scripts of Windows PowerShell and the variable <c>$PROFILE</c> that names them.</summary>
internal static class Profiles
{
    private const string Shell = "Microsoft.PowerShell_";

    private static string Machine => AppContext.BaseDirectory;

    private static string User =>
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.MyDocuments), "WindowsPowerShell");

    /// <summary>In the order in which they run.</summary>
    private static IEnumerable<(string Name, string Path)> All =>
    [
        ("AllUsersAllHosts", Path.Combine(Machine, "profile.ps1")),
        ("AllUsersCurrentHost", Path.Combine(Machine, Shell + "profile.ps1")),
        ("CurrentUserAllHosts", Path.Combine(User, "profile.ps1")),
        ("CurrentUserCurrentHost", Path.Combine(User, Shell + "profile.ps1")),
    ];

    public static void Publish(Runspace runspace)
    {
        var profile = PSObject.AsPSObject(Path.Combine(User, Shell + "profile.ps1"));
        foreach (var (name, path) in All)
        {
            profile.Properties.Add(new PSNoteProperty(name, path));
        }

        runspace.SessionStateProxy.SetVariable("PROFILE", profile);
    }

    public static void Run(Executor executor)
    {
        foreach (var (_, path) in All)
        {
            if (File.Exists(path))
            {
                executor.Run(shell => shell.Commands.AddCommand(new Command(path, isScript: false, useLocalScope: false)));
            }
        }
    }
}
