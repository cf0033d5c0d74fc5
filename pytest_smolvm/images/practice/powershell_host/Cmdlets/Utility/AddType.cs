using System;
using System.IO;
using System.Management.Automation;
using System.Reflection;

namespace Microsoft.PowerShell.Commands;

/// <summary>Add-Type: loads assemblies. The practice guest has no compiler, so source code is refused.</summary>
[Cmdlet(VerbsCommon.Add, "Type", DefaultParameterSetName = "FromSource")]
public sealed class AddTypeCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "FromSource")]
    public string? TypeDefinition { get; set; }

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "FromMember")]
    public string? Name { get; set; }

    [Parameter(Position = 1, Mandatory = true, ParameterSetName = "FromMember")]
    public string[]? MemberDefinition { get; set; }

    [Parameter(ParameterSetName = "FromMember")]
    [Alias("NS")]
    public string? Namespace { get; set; }

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "FromPath")]
    public string[]? Path { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "FromAssemblyName")]
    [Alias("AN")]
    public string[]? AssemblyName { get; set; }

    [Parameter]
    [Alias("RA")]
    public string[]? ReferencedAssemblies { get; set; }

    [Parameter(ParameterSetName = "FromSource")]
    [Parameter(ParameterSetName = "FromMember")]
    public string? Language { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    [Parameter]
    public SwitchParameter IgnoreWarnings { get; set; }

    protected override void EndProcessing()
    {
        if (TypeDefinition is not null || MemberDefinition is not null)
        {
            ThrowTerminatingError(new ErrorRecord(
                new PSNotSupportedException("Add-Type cannot compile source code in the practice guest: it has no compiler. -AssemblyName and -Path work."),
                "NotAvailableInPracticeGuest",
                ErrorCategory.NotImplemented,
                null));
        }

        foreach (var name in AssemblyName ?? [])
        {
            Load(name, () => Assembly.Load(new AssemblyName(name)));
        }

        foreach (var path in Path ?? [])
        {
            Load(path, () => Assembly.LoadFrom(SessionState.Path.GetUnresolvedProviderPathFromPSPath(path)));
        }
    }

    private void Load(string name, Func<Assembly> load)
    {
        try
        {
            var assembly = load();
            if (PassThru)
            {
                WriteObject(assembly.GetExportedTypes(), enumerateCollection: true);
            }
        }
        catch (Exception error) when (error is IOException or BadImageFormatException)
        {
            var missing = new FileNotFoundException($"Cannot add type. The assembly '{name}' could not be found.", error);
            ThrowTerminatingError(new ErrorRecord(missing, "ASSEMBLY_NOT_FOUND", ErrorCategory.ObjectNotFound, name));
        }
    }
}
