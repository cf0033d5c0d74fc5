using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace PracticeGuest;

/// <summary>
/// Which class is behind which cmdlet. The engine keeps a table of each assembly's cmdlets, from which it makes every
/// session, also those that scripts open. It is private, so that this is tied to one version of the engine.
/// </summary>
internal static class EngineCommands
{
    private const BindingFlags Hidden = BindingFlags.Static | BindingFlags.Instance | BindingFlags.NonPublic;

    private static readonly Assembly Engine = typeof(PSObject).Assembly;

    private static readonly FieldInfo ImplementingType = typeof(SessionStateCmdletEntry).GetField("<ImplementingType>k__BackingField", Hidden)!;

    // They ask CIM or the event log's service, which wine does not have: "not recognized" says so better than what they would.
    private static readonly string[] LeftOut =
        ["Get-ComputerInfo", "Get-HotFix", "Rename-Computer", "Restart-Computer", "Stop-Computer", "Get-WinEvent", "New-WinEvent", "Get-Counter"];

    // With the defaults of Windows PowerShell 5.1.
    private static readonly Dictionary<string, Type> Ours = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Get-Content"] = typeof(Microsoft.PowerShell.Commands.GetContentCommand),
        ["Set-Content"] = typeof(Microsoft.PowerShell.Commands.SetContentCommand),
        ["Add-Content"] = typeof(Microsoft.PowerShell.Commands.AddContentCommand),
        ["Out-File"] = typeof(Microsoft.PowerShell.Commands.OutFileCommand),
        ["ConvertTo-Json"] = typeof(Microsoft.PowerShell.Commands.ConvertToJsonCommand),
        ["ConvertFrom-Json"] = typeof(Microsoft.PowerShell.Commands.ConvertFromJsonCommand),
    };

    /// <summary>The engine's default session state with our classes, without what is left out.</summary>
    public static InitialSessionState CreateDefault()
    {
        LeaveOutRemoting();
        var state = InitialSessionState.CreateDefault();
        foreach (var name in LeftOut)
        {
            state.Commands.Remove(name, typeof(SessionStateCmdletEntry));
        }

        foreach (var entry in state.Commands.OfType<SessionStateCmdletEntry>())
        {
            Replace(entry);
        }

        foreach (var assembly in Tables())
        {
            foreach (var name in LeftOut)
            {
                assembly.Remove(name);
            }

            foreach (var row in assembly.Values)
            {
                Replace((SessionStateCmdletEntry)((ITuple)row!)[0]!);
            }
        }

        return state;
    }

    private static void Replace(SessionStateCmdletEntry entry)
    {
        if (Ours.TryGetValue(entry.Name, out var type))
        {
            ImplementingType.SetValue(entry, type);
        }
    }

    private static IEnumerable<IDictionary> Tables()
    {
        var helpers = Engine.GetType("System.Management.Automation.Runspaces.PSSnapInHelpers", throwOnError: true)!;
        var lazy = helpers.GetField("s_cmdletCache", Hidden)!.GetValue(null)!;
        return ((IDictionary)lazy.GetType().GetProperty("Value")!.GetValue(lazy)!).Values.Cast<IDictionary>();
    }

    /// <summary>WS-Management is the last of the assemblies that the engine looks for, and fails without.</summary>
    private static void LeaveOutRemoting()
    {
        var assemblies = (IList)Engine.GetType("System.Management.Automation.PSSnapInReader", throwOnError: true)!
            .GetProperty("DefaultMshSnapins", Hidden)!.GetValue(null)!;
        var name = assemblies[^1]!.GetType().GetField("PSSnapInName")!;
        if ((string)name.GetValue(assemblies[^1])! == "Microsoft.WSMan.Management")
        {
            assemblies.RemoveAt(assemblies.Count - 1);
        }
    }
}
