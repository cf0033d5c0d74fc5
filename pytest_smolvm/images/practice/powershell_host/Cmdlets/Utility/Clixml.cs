using System.IO;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Export-Clixml: the engine's own serializer, into a file.</summary>
[Cmdlet(VerbsData.Export, "Clixml", DefaultParameterSetName = "ByPath", SupportsShouldProcess = true)]
public sealed class ExportClixmlCommand : PSCmdlet
{
    private readonly System.Collections.Generic.List<object?> _items = [];

    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [AllowNull]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "ByPath")]
    public string Path { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = "ByLiteralPath")]
    [Alias("PSPath", "LP")]
    public string? LiteralPath { get; set; }

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Depth { get; set; } = 2;

    [Parameter]
    public FileSystemCmdletProviderEncoding Encoding { get; set; } = FileSystemCmdletProviderEncoding.Unicode;

    [Parameter]
    public SwitchParameter NoClobber { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessRecord() => _items.Add(InputObject);

    protected override void EndProcessing()
    {
        var file = TargetFile.Resolve(this, LiteralPath ?? Path, LiteralPath is not null);
        if (ShouldProcess(file))
        {
            using var writer = TargetFile.Open(this, file, TextEncoding.Of(Encoding), append: false, NoClobber, Force);
            using var document = new ClixmlDocument(writer, Depth, indent: true);
            _items.ForEach(item => document.Write(item, null));
        }
    }
}

/// <summary>Import-Clixml.</summary>
[Cmdlet(VerbsData.Import, "Clixml", DefaultParameterSetName = "ByPath")]
public sealed class ImportClixmlCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "ByPath", ValueFromPipeline = true)]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = "ByLiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string[]? LiteralPath { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var file in (LiteralPath ?? Path).SelectMany(path => SourceFile.Resolve(this, path, LiteralPath is not null)))
        {
            using var text = new StreamReader(TextEncoding.Open(file));
            WriteObject(PSSerializer.DeserializeAsList(text.ReadToEnd()), enumerateCollection: true);
        }
    }
}
