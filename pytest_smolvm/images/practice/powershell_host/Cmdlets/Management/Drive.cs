using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Get-PSDrive.</summary>
[Cmdlet(VerbsCommon.Get, "PSDrive", DefaultParameterSetName = "Name")]
[OutputType(typeof(PSDriveInfo))]
public sealed class GetPSDriveCommand : ProviderCommand
{
    [Parameter(Position = 0, ParameterSetName = "Name", ValueFromPipelineByPropertyName = true)]
    public string[] Name { get; set; } = ["*"];

    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string[] PSProvider { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Scope { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var name in Name)
        {
            var found = Matching(name).OrderBy(drive => drive.Name).ToList();
            if (found.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
            {
                Attempt(() => SessionState.Drive.Get(name)); // fails with the engine's own words
            }

            WriteObject(found, enumerateCollection: true);
        }
    }

    private IEnumerable<PSDriveInfo> Matching(string name)
    {
        var pattern = WildcardPattern.Get(name.TrimEnd(':'), WildcardOptions.IgnoreCase);
        var providers = new NameFilter(null, PSProvider, []);
        return (Scope is null ? SessionState.Drive.GetAll() : SessionState.Drive.GetAllAtScope(Scope))
            .Where(drive => pattern.IsMatch(drive.Name) && providers.Accepts(drive.Provider.Name));
    }
}

/// <summary>New-PSDrive: a drive over a location of a provider.</summary>
[Cmdlet(VerbsCommon.New, "PSDrive", SupportsShouldProcess = true)]
[OutputType(typeof(PSDriveInfo))]
public sealed class NewPSDriveCommand : ProviderCommand
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public string Name { get; set; } = "";

    [Parameter(Position = 1, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public string PSProvider { get; set; } = "";

    [Parameter(Position = 2, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [AllowEmptyString]
    public string Root { get; set; } = "";

    [Parameter]
    public string Description { get; set; } = "";

    [Parameter]
    public string Scope { get; set; } = "0";

    [Parameter]
    public SwitchParameter Persist { get; set; }

    protected override void ProcessRecord()
    {
        if (Persist)
        {
            throw new PSNotSupportedException("The practice guest cannot map network drives: New-PSDrive -Persist is not supported.");
        }

        Attempt(() =>
        {
            var provider = SessionState.Provider.GetOne(PSProvider);
            var drive = new PSDriveInfo(Name, provider, Root, Description, null);
            if (ShouldProcess($"Name: {Name} Provider: {provider} Root: {Root}", "New drive"))
            {
                WriteObject(SessionState.Drive.New(drive, Scope));
            }
        });
    }
}

/// <summary>Remove-PSDrive.</summary>
[Cmdlet(VerbsCommon.Remove, "PSDrive", SupportsShouldProcess = true)]
public sealed class RemovePSDriveCommand : ProviderCommand
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public string[] Name { get; set; } = [];

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public string Scope { get; set; } = "";

    protected override void ProcessRecord()
    {
        foreach (var name in Name)
        {
            if (ShouldProcess($"Name: {name}", "Remove Drive"))
            {
                Attempt(() => SessionState.Drive.Remove(name, Force, Scope.Length == 0 ? null : Scope));
            }
        }
    }
}

/// <summary>Get-PSProvider.</summary>
[Cmdlet(VerbsCommon.Get, "PSProvider")]
[OutputType(typeof(ProviderInfo))]
public sealed class GetPSProviderCommand : ProviderCommand
{
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    public string[] PSProvider { get; set; } = ["*"];

    protected override void ProcessRecord()
    {
        var filter = new NameFilter(null, PSProvider, []);
        WriteObject(SessionState.Provider.GetAll().Where(provider => filter.Accepts(provider.Name)), enumerateCollection: true);
    }
}
