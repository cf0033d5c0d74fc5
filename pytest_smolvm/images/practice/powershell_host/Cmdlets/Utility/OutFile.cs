using System;
using System.IO;
using System.Management.Automation;
using Microsoft.PowerShell.Commands.Internal.Format;

namespace Microsoft.PowerShell.Commands;

/// <summary>Out-File, which <c>&gt;</c> and <c>&gt;&gt;</c> use too: what the console would show, in UTF-16 unless told otherwise.</summary>
[Cmdlet(VerbsData.Out, "File", DefaultParameterSetName = "ByPath", SupportsShouldProcess = true)]
public sealed class OutFileCommand : FrontEndCommandBase
{
    private StreamWriter? _writer;

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "ByPath")]
    [Alias("Path")]
    public string FilePath { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = "ByLiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string? LiteralPath { get; set; }

    [Parameter(Position = 1)]
    [ValidateSet("unknown", "string", "unicode", "bigendianunicode", "utf8", "utf7", "utf32", "ascii", "default", "oem")]
    public string Encoding { get; set; } = "unicode";

    [Parameter]
    public SwitchParameter Append { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    [Alias("NoOverwrite")]
    public SwitchParameter NoClobber { get; set; }

    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int Width { get; set; } = OutputWidth.Default;

    [Parameter]
    public SwitchParameter NoNewline { get; set; }

    protected override void BeginProcessing()
    {
        var file = TargetFile.Resolve(this, LiteralPath ?? FilePath, LiteralPath is not null);
        TextWriter writer = TextWriter.Null;
        if (ShouldProcess(file, "Output to File"))
        {
            var encoding = TextEncoding.Of(Enum.Parse<FileSystemCmdletProviderEncoding>(Encoding, ignoreCase: true));
            writer = _writer = TargetFile.Open(this, file, encoding, Append, NoClobber, Force);
        }

        EngineFormatting.WriteTo(this, writer, Width, NoNewline);
        base.BeginProcessing();
    }

    protected override void EndProcessing()
    {
        base.EndProcessing();
        Close();
    }

    protected override void InternalDispose()
    {
        base.InternalDispose();
        Close();
    }

    private void Close()
    {
        _writer?.Dispose();
        _writer = null;
    }
}
