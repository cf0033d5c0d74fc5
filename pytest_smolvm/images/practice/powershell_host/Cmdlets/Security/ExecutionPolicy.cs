using System;
using System.Collections.Generic;
using System.Management.Automation;
using Microsoft.Win32;

namespace Microsoft.PowerShell.Commands;

/// <summary>The execution policy per scope: the process' in its environment, the user's and the machine's in the registry.</summary>
public static class ExecutionPolicies
{
    private const string Key = @"SOFTWARE\Microsoft\PowerShell\1\ShellIds\Microsoft.PowerShell";

    // The engine reads this variable, so a change holds for the running session and its children.
    private const string Variable = "PSExecutionPolicyPreference";

    /// <summary>The scopes, the strongest first.</summary>
    public static readonly IReadOnlyList<ExecutionPolicyScope> Scopes =
    [
        ExecutionPolicyScope.MachinePolicy, ExecutionPolicyScope.UserPolicy, ExecutionPolicyScope.Process,
        ExecutionPolicyScope.CurrentUser, ExecutionPolicyScope.LocalMachine,
    ];

    /// <summary>The policy in force; where nobody set one, that of Windows for clients.</summary>
    public static ExecutionPolicy Effective
    {
        get
        {
            foreach (var scope in Scopes)
            {
                if (Get(scope) is var policy and not ExecutionPolicy.Undefined)
                {
                    return policy;
                }
            }

            return ExecutionPolicy.Restricted;
        }
    }

    public static ExecutionPolicy Get(ExecutionPolicyScope scope)
    {
        var text = scope switch
        {
            ExecutionPolicyScope.Process => Environment.GetEnvironmentVariable(Variable),
            ExecutionPolicyScope.CurrentUser => Read(Registry.CurrentUser),
            ExecutionPolicyScope.LocalMachine => Read(Registry.LocalMachine),
            _ => null,
        };
        return Enum.TryParse<ExecutionPolicy>(text, ignoreCase: true, out var policy) ? policy : ExecutionPolicy.Undefined;
    }

    public static void Set(ExecutionPolicyScope scope, ExecutionPolicy policy)
    {
        switch (scope)
        {
            case ExecutionPolicyScope.Process:
                Environment.SetEnvironmentVariable(Variable, policy == ExecutionPolicy.Undefined ? null : policy.ToString());
                break;
            case ExecutionPolicyScope.CurrentUser:
                Write(Registry.CurrentUser, policy);
                break;
            case ExecutionPolicyScope.LocalMachine:
                Write(Registry.LocalMachine, policy);
                break;
            default:
                throw new PSInvalidOperationException(
                    $"Cannot set execution policy. Execution policies at the {scope} scope must be set through Group Policy.");
        }
    }

    private static string? Read(RegistryKey hive)
    {
        using var key = hive.OpenSubKey(Key);
        return key?.GetValue("ExecutionPolicy") as string;
    }

    private static void Write(RegistryKey hive, ExecutionPolicy policy)
    {
        using var key = hive.CreateSubKey(Key);
        if (policy == ExecutionPolicy.Undefined)
        {
            key.DeleteValue("ExecutionPolicy", throwOnMissingValue: false);
        }
        else
        {
            key.SetValue("ExecutionPolicy", policy.ToString());
        }
    }
}

/// <summary>Get-ExecutionPolicy: the one in force, one scope's, or with <c>-List</c> all.</summary>
[Cmdlet(VerbsCommon.Get, "ExecutionPolicy")]
[OutputType(typeof(ExecutionPolicy))]
public sealed class GetExecutionPolicyCommand : PSCmdlet
{
    [Parameter(Position = 0)]
    public ExecutionPolicyScope? Scope { get; set; }

    [Parameter]
    public SwitchParameter List { get; set; }

    protected override void BeginProcessing()
    {
        if (List)
        {
            foreach (var scope in ExecutionPolicies.Scopes)
            {
                var shown = new PSObject();
                shown.Properties.Add(new PSNoteProperty("Scope", scope));
                shown.Properties.Add(new PSNoteProperty("ExecutionPolicy", ExecutionPolicies.Get(scope)));
                WriteObject(shown);
            }
        }
        else
        {
            WriteObject(Scope is { } one ? ExecutionPolicies.Get(one) : ExecutionPolicies.Effective);
        }
    }
}

/// <summary>Set-ExecutionPolicy.</summary>
[Cmdlet(VerbsCommon.Set, "ExecutionPolicy", SupportsShouldProcess = true)]
public sealed class SetExecutionPolicyCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public ExecutionPolicy ExecutionPolicy { get; set; }

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    public ExecutionPolicyScope Scope { get; set; } = ExecutionPolicyScope.LocalMachine;

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        if (ShouldProcess(ExecutionPolicy.ToString(), "Set Execution Policy"))
        {
            ExecutionPolicies.Set(Scope, ExecutionPolicy);
        }
    }
}
