using System.IO;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Unblock-File: removes the mark that a file came from the internet.</summary>
[Cmdlet(VerbsSecurity.Unblock, "File", DefaultParameterSetName = "ByPath", SupportsShouldProcess = true)]
public sealed class UnblockFileCommand : PSCmdlet
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
            // The practice guest's file system keeps no alternate streams, so there is a mark only on a real one.
            var mark = file + ":Zone.Identifier";
            if (ShouldProcess(file) && File.Exists(mark))
            {
                File.Delete(mark);
            }
        }
    }
}
