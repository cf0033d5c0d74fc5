using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>A cmdlet over the variables of a scope.</summary>
public abstract class VariableCommand : PSCmdlet
{
    [Parameter]
    public string? Scope { get; set; }

    private protected EngineScopes Scopes => new(SessionState);

    private protected string ScopeOrLocal => Scope ?? "Local";

    private protected List<PSVariable> Matching(string name, IEnumerable<string> include, IEnumerable<string> exclude)
    {
        var found = WildcardPattern.ContainsWildcardCharacters(name)
            ? Scopes.Variables(Scope).Where(variable => WildcardPattern.Get(name, WildcardOptions.IgnoreCase).IsMatch(variable.Name))
            : new[] { Scope is null ? SessionState.PSVariable.Get(name) : Scopes.Variable(name, Scope) }.OfType<PSVariable>();
        var included = Patterns(include);
        var excluded = Patterns(exclude);
        return found
            .Where(variable => (included.Count == 0 || included.Exists(p => p.IsMatch(variable.Name))) && !excluded.Exists(p => p.IsMatch(variable.Name)))
            .OrderBy(variable => variable.Name, StringComparer.CurrentCultureIgnoreCase)
            .ToList();
    }

    private protected void NotFound(string name)
    {
        if (!WildcardPattern.ContainsWildcardCharacters(name))
        {
            var missing = new ItemNotFoundException($"Cannot find a variable with the name '{name}'.");
            WriteError(new ErrorRecord(missing, "VariableNotFound", ErrorCategory.ObjectNotFound, name));
        }
    }

    private protected void Attempt(Action work)
    {
        try
        {
            work();
        }
        catch (SessionStateException error)
        {
            WriteError(new ErrorRecord(error.ErrorRecord, error));
        }
    }

    private static List<WildcardPattern> Patterns(IEnumerable<string> names) =>
        names.Select(name => WildcardPattern.Get(name, WildcardOptions.IgnoreCase)).ToList();
}

/// <summary>Get-Variable.</summary>
[Cmdlet(VerbsCommon.Get, "Variable")]
[OutputType(typeof(PSVariable))]
public sealed class GetVariableCommand : VariableCommand
{
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string[] Name { get; set; } = ["*"];

    [Parameter]
    public SwitchParameter ValueOnly { get; set; }

    [Parameter]
    public string[] Include { get; set; } = [];

    [Parameter]
    public string[] Exclude { get; set; } = [];

    protected override void ProcessRecord()
    {
        foreach (var name in Name)
        {
            var found = Matching(name, Include, Exclude);
            if (found.Count == 0)
            {
                NotFound(name);
            }

            foreach (var variable in found)
            {
                WriteObject(ValueOnly ? variable.Value : variable);
            }
        }
    }
}

/// <summary>Set-Variable: makes the variable if it is not there; values from the pipeline are gathered.</summary>
[Cmdlet(VerbsCommon.Set, "Variable", SupportsShouldProcess = true)]
public sealed class SetVariableCommand : VariableCommand
{
    private readonly List<object?> _gathered = [];

    [Parameter(Position = 0, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public string[] Name { get; set; } = [];

    [Parameter(Position = 1, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public object? Value { get; set; }

    [Parameter]
    public string? Description { get; set; }

    [Parameter]
    public ScopedItemOptions? Option { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    [Parameter]
    public SessionStateEntryVisibility? Visibility { get; set; }

    protected override void ProcessRecord()
    {
        if (MyInvocation.ExpectingInput)
        {
            _gathered.Add(Value);
        }
    }

    protected override void EndProcessing()
    {
        var value = MyInvocation.ExpectingInput ? (_gathered.Count == 1 ? _gathered[0] : _gathered.ToArray()) : Value;
        foreach (var name in Name)
        {
            if (ShouldProcess($"Name: {name} Value: {value}", "Set variable"))
            {
                Attempt(() => Set(name, value));
            }
        }
    }

    private void Set(string name, object? value)
    {
        var colon = name.IndexOf(':');
        var (scope, bare) = colon > 0 ? (name[..colon], name[(colon + 1)..]) : (ScopeOrLocal, name);
        var old = Scopes.Variable(bare, scope);
        var variable = new PSVariable(bare, value, Option ?? old?.Options ?? ScopedItemOptions.None)
        {
            Description = Description ?? old?.Description ?? "",
            Visibility = Visibility ?? old?.Visibility ?? SessionStateEntryVisibility.Public,
        };
        if (old is not null && Option is null && Description is null && Visibility is null && !Force)
        {
            old.Value = value;
            variable = old;
        }
        else
        {
            Scopes.SetVariable(variable, scope, Force);
        }

        if (PassThru)
        {
            WriteObject(variable);
        }
    }
}

/// <summary>New-Variable: refuses a name that is taken in the scope.</summary>
[Cmdlet(VerbsCommon.New, "Variable", SupportsShouldProcess = true)]
public sealed class NewVariableCommand : VariableCommand
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public string Name { get; set; } = "";

    [Parameter(Position = 1, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public object? Value { get; set; }

    [Parameter]
    public string Description { get; set; } = "";

    [Parameter]
    public ScopedItemOptions Option { get; set; }

    [Parameter]
    public SessionStateEntryVisibility Visibility { get; set; } = SessionStateEntryVisibility.Public;

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord()
    {
        if (!Force && Scopes.Variable(Name, ScopeOrLocal) is not null)
        {
            var taken = new SessionStateException($"A variable with name '{Name}' already exists.");
            WriteError(new ErrorRecord(taken, "NewVariableAlreadyExists", ErrorCategory.ResourceExists, Name));
        }
        else if (ShouldProcess($"Name: {Name} Value: {Value}", "New variable"))
        {
            Attempt(Create);
        }
    }

    private void Create()
    {
        var variable = new PSVariable(Name, Value, Option) { Description = Description, Visibility = Visibility };
        Scopes.SetVariable(variable, ScopeOrLocal, Force);
        if (PassThru)
        {
            WriteObject(variable);
        }
    }
}

/// <summary>Remove-Variable.</summary>
[Cmdlet(VerbsCommon.Remove, "Variable", SupportsShouldProcess = true)]
public sealed class RemoveVariableCommand : VariableCommand
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public string[] Name { get; set; } = [];

    [Parameter]
    public string[] Include { get; set; } = [];

    [Parameter]
    public string[] Exclude { get; set; } = [];

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var name in Name)
        {
            var found = Matching(name, Include, Exclude);
            if (found.Count == 0)
            {
                NotFound(name);
            }

            foreach (var variable in found.Where(variable => ShouldProcess($"Name: {variable.Name}", "Remove variable")))
            {
                Attempt(() => Scopes.RemoveVariable(variable, Scope ?? ScopeOf(variable), Force));
            }
        }
    }

    // A variable that is seen here lives in this scope or in the global one; between them only -Scope reaches.
    private string ScopeOf(PSVariable variable) =>
        ReferenceEquals(Scopes.Variable(variable.Name, "Local"), variable) ? "Local" : "Global";
}

/// <summary>Clear-Variable: null, but still there.</summary>
[Cmdlet(VerbsCommon.Clear, "Variable", SupportsShouldProcess = true)]
public sealed class ClearVariableCommand : VariableCommand
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public string[] Name { get; set; } = [];

    [Parameter]
    public string[] Include { get; set; } = [];

    [Parameter]
    public string[] Exclude { get; set; } = [];

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var name in Name)
        {
            var found = Matching(name, Include, Exclude);
            if (found.Count == 0)
            {
                NotFound(name);
            }

            foreach (var variable in found.Where(variable => ShouldProcess($"Name: {variable.Name}", "Clear variable")))
            {
                Attempt(() => variable.Value = null);
                if (PassThru)
                {
                    WriteObject(variable);
                }
            }
        }
    }
}
