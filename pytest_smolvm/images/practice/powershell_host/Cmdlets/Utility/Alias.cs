using System;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Get-Alias: by alias name or, with <c>-Definition</c>, by what it stands for.</summary>
[Cmdlet(VerbsCommon.Get, "Alias", DefaultParameterSetName = "Default")]
[OutputType(typeof(AliasInfo))]
public sealed class GetAliasCommand : PSCmdlet
{
    [Parameter(Position = 0, ParameterSetName = "Default", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string[] Name { get; set; } = ["*"];

    [Parameter(ParameterSetName = "Definition")]
    public string[]? Definition { get; set; }

    [Parameter]
    public string[] Exclude { get; set; } = [];

    [Parameter]
    public string? Scope { get; set; }

    protected override void ProcessRecord()
    {
        var aliases = new EngineScopes(SessionState).Aliases(Scope).OrderBy(alias => alias.Name, StringComparer.OrdinalIgnoreCase).ToList();
        var excluded = Exclude.Select(name => WildcardPattern.Get(name, WildcardOptions.IgnoreCase)).ToList();
        foreach (var wanted in Definition ?? Name)
        {
            var pattern = WildcardPattern.Get(wanted, WildcardOptions.IgnoreCase);
            var found = aliases
                .Where(alias => pattern.IsMatch(Definition is null ? alias.Name : alias.Definition) && !excluded.Exists(p => p.IsMatch(alias.Name)))
                .ToList();
            if (found.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(wanted))
            {
                NotFound(wanted);
            }

            WriteObject(found, enumerateCollection: true);
        }
    }

    private void NotFound(string wanted)
    {
        var kind = Definition is null ? "name" : "definition";
        var missing = new ItemNotFoundException($"This command cannot find a matching alias because an alias with the {kind} '{wanted}' does not exist.");
        WriteError(new ErrorRecord(missing, "ItemNotFoundException", ErrorCategory.ObjectNotFound, wanted));
    }
}

/// <summary>What Set-Alias and New-Alias share.</summary>
public abstract class WriteAliasCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public string Name { get; set; } = "";

    [Parameter(Position = 1, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public string Value { get; set; } = "";

    [Parameter]
    public string Description { get; set; } = "";

    [Parameter]
    public ScopedItemOptions Option { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    [Parameter]
    public string Scope { get; set; } = "Local";

    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected EngineScopes Scopes => new(SessionState);

    private protected void Write()
    {
        if (!ShouldProcess($"Name: {Name} Value: {Value}", MyInvocation.MyCommand.Name.Replace('-', ' ')))
        {
            return;
        }

        try
        {
            var alias = EngineScopes.NewAlias(Name, Value, Scopes.Context, Option);
            alias.Description = Description;
            var made = Scopes.SetAlias(alias, Scope, Force);
            if (PassThru)
            {
                WriteObject(made);
            }
        }
        catch (SessionStateException error)
        {
            WriteError(new ErrorRecord(error.ErrorRecord, error));
        }
    }
}

/// <summary>Set-Alias.</summary>
[Cmdlet(VerbsCommon.Set, "Alias", SupportsShouldProcess = true)]
[OutputType(typeof(AliasInfo))]
public sealed class SetAliasCommand : WriteAliasCommand
{
    protected override void ProcessRecord() => Write();
}

/// <summary>New-Alias: refuses a name that is taken.</summary>
[Cmdlet(VerbsCommon.New, "Alias", SupportsShouldProcess = true)]
[OutputType(typeof(AliasInfo))]
public sealed class NewAliasCommand : WriteAliasCommand
{
    protected override void ProcessRecord()
    {
        if (!Force && Scopes.Aliases(Scope).Any(alias => string.Equals(alias.Name, Name, StringComparison.OrdinalIgnoreCase)))
        {
            var taken = new SessionStateException($"The alias is not allowed, because an alias with the name '{Name}' already exists.");
            WriteError(new ErrorRecord(taken, "AliasAlreadyExists", ErrorCategory.ResourceExists, Name));
            return;
        }

        Write();
    }
}
