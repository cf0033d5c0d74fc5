using System;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using Microsoft.PowerShell;
using Microsoft.PowerShell.Commands;

namespace PracticeGuest;

/// <summary>
/// The session state of the console's runspace. It is the engine's default one, which finds our cmdlets by the names of
/// their assemblies: a script's <c>[initialsessionstate]::CreateDefault()</c> or <c>[powershell]::Create()</c> gets the same.
/// </summary>
internal static class SessionDefaults
{
    public static InitialSessionState Create(CommandLine line)
    {
        PSStyle.Instance.OutputRendering = OutputRendering.PlainText; // 5.1 knows no colour sequences
        var state = InitialSessionState.CreateDefault();
        state.Variables.Add(new SessionStateVariableEntry("ErrorView", "NormalView", "How errors are shown"));
        state.Variables.Add(new SessionStateVariableEntry("OutputEncoding", System.Text.Encoding.ASCII, "The encoding of text piped to programs"));
        state.ExecutionPolicy = line.ExecutionPolicy is null ? ExecutionPolicies.Effective : Policy(line.ExecutionPolicy);
        return state;
    }

    private static ExecutionPolicy Policy(string name) =>
        Enum.TryParse<ExecutionPolicy>(name, ignoreCase: true, out var policy)
            ? policy
            : throw new CommandLineException(
                $"Cannot convert value \"{name}\" to type \"Microsoft.PowerShell.ExecutionPolicy\". Specify one of the following "
                + "values: Unrestricted, RemoteSigned, AllSigned, Restricted, Default, Bypass, Undefined.");
}
