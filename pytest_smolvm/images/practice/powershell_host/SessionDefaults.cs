using System;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using Microsoft.PowerShell;

namespace PracticeGuest;

/// <summary>
/// The session state of the console's runspace: the engine's default one, with Windows PowerShell 5.1's values where its
/// own differ. What <see cref="EngineCommands"/> changes a script's <c>[powershell]::Create()</c> gets, too.
/// </summary>
internal static class SessionDefaults
{
    // Of Windows PowerShell 5.1; PowerShell 7 dropped them.
    private static readonly (string Alias, string Command)[] Aliases =
        [("sc", "Set-Content"), ("curl", "Invoke-WebRequest"), ("wget", "Invoke-WebRequest")];

    public static InitialSessionState Create(CommandLine line)
    {
        PSStyle.Instance.OutputRendering = OutputRendering.PlainText; // 5.1 knows no colour sequences
        EncodingNames.UseWindowsNames();
        var state = EngineCommands.CreateDefault();
        state.Variables.Add(new SessionStateVariableEntry("ErrorView", "NormalView", "How errors are shown"));
        state.Variables.Add(new SessionStateVariableEntry("OutputEncoding", System.Text.Encoding.ASCII, "The encoding of text piped to programs"));
        foreach (var (alias, command) in Aliases)
        {
            state.Commands.Add(new SessionStateAliasEntry(alias, command));
        }

        if (Switch.IsOn("ConstrainedLanguage"))
        {
            // As App Control, AppLocker and Smart App Control have it for everything that nobody has signed.
            state.LanguageMode = PSLanguageMode.ConstrainedLanguage;
        }

        if (line.ExecutionPolicy is { } name)
        {
            // For this process and its children. Without it the engine asks the user's and the machine's settings.
            state.ExecutionPolicy = Policy(name);
        }

        return state;
    }

    private static ExecutionPolicy Policy(string name) =>
        Enum.TryParse<ExecutionPolicy>(name, ignoreCase: true, out var policy)
            ? policy
            : throw new CommandLineException(
                $"Cannot convert value \"{name}\" to type \"Microsoft.PowerShell.ExecutionPolicy\". Specify one of the following "
                + "values: Unrestricted, RemoteSigned, AllSigned, Restricted, Default, Bypass, Undefined.");
}
