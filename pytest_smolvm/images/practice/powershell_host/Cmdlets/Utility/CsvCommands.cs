using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>A cmdlet that reads or writes CSV with a chosen delimiter.</summary>
public abstract class CsvCommand : PSCmdlet
{
    [Parameter(Position = 1)]
    public char Delimiter { get; set; } = ',';

    [Parameter]
    public SwitchParameter UseCulture { get; set; }

    private protected char Separator => UseCulture ? System.Globalization.CultureInfo.CurrentCulture.TextInfo.ListSeparator[0] : Delimiter;
}

/// <summary>ConvertTo-Csv.</summary>
[Cmdlet(VerbsData.ConvertTo, "Csv")]
[OutputType(typeof(string))]
public sealed class ConvertToCsvCommand : CsvCommand
{
    private CsvWriter? _writer;

    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter]
    [Alias("NTI")]
    public SwitchParameter NoTypeInformation { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is not null)
        {
            _writer ??= new CsvWriter(Separator);
            WriteObject(_writer.Lines(InputObject, !NoTypeInformation, header: true), enumerateCollection: true);
        }
    }
}

/// <summary>ConvertFrom-Csv.</summary>
[Cmdlet(VerbsData.ConvertFrom, "Csv")]
public sealed class ConvertFromCsvCommand : CsvCommand
{
    private readonly List<string> _lines = [];

    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    [AllowEmptyString]
    public string[] InputObject { get; set; } = [];

    [Parameter]
    public string[]? Header { get; set; }

    protected override void ProcessRecord() => _lines.AddRange(InputObject);

    protected override void EndProcessing() =>
        WriteObject(CsvTable.Objects(new StringReader(string.Join("\n", _lines)), Separator, Header), enumerateCollection: true);
}

/// <summary>Export-Csv: ASCII unless told otherwise, and with a <c>#TYPE</c> line, as 5.1 writes it.</summary>
[Cmdlet(VerbsData.Export, "Csv", SupportsShouldProcess = true)]
public sealed class ExportCsvCommand : CsvCommand
{
    private CsvWriter? _writer;
    private StreamWriter? _file;
    private bool _continues;

    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0)]
    public string? Path { get; set; }

    [Parameter]
    [Alias("PSPath", "LP")]
    public string? LiteralPath { get; set; }

    [Parameter]
    public FileSystemCmdletProviderEncoding Encoding { get; set; } = FileSystemCmdletProviderEncoding.Ascii;

    [Parameter]
    [Alias("NTI")]
    public SwitchParameter NoTypeInformation { get; set; }

    [Parameter]
    public SwitchParameter Append { get; set; }

    [Parameter]
    [Alias("NoOverwrite")]
    public SwitchParameter NoClobber { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void BeginProcessing()
    {
        var file = TargetFile.Resolve(
            this, LiteralPath ?? Path ?? throw new PSArgumentException("You must specify either the -Path or -LiteralPath parameters, but not both."), LiteralPath is not null);
        if (!ShouldProcess(file))
        {
            return;
        }

        _writer = new CsvWriter(Separator);
        if (Append && File.Exists(file) && new FileInfo(file).Length > 0)
        {
            using var text = new StreamReader(file);
            _continues = true;
            var reader = new CsvReader(text, Separator);
            var header = reader.Next();
            header = header?[0]?.StartsWith("#TYPE", System.StringComparison.Ordinal) == true ? reader.Next() : header;
            _writer.Continue(header!.Select(column => column ?? ""));
        }

        _file = TargetFile.Open(this, file, TextEncoding.Of(Encoding), Append, NoClobber, Force);
    }

    protected override void ProcessRecord()
    {
        if (InputObject is null || _file is null)
        {
            return;
        }

        foreach (var line in _writer!.Lines(InputObject, !NoTypeInformation && !_continues, header: !_continues))
        {
            _file.WriteLine(line);
        }
    }

    protected override void EndProcessing() => _file?.Dispose();

    protected override void StopProcessing() => _file?.Dispose();
}

/// <summary>Import-Csv: ASCII unless the file has a byte order mark or <c>-Encoding</c> says otherwise.</summary>
[Cmdlet(VerbsData.Import, "Csv")]
public sealed class ImportCsvCommand : CsvCommand
{
    [Parameter(Position = 0, ValueFromPipeline = true)]
    public string[]? Path { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string[]? LiteralPath { get; set; }

    [Parameter]
    public string[]? Header { get; set; }

    [Parameter]
    public FileSystemCmdletProviderEncoding Encoding { get; set; } = FileSystemCmdletProviderEncoding.Ascii;

    protected override void ProcessRecord()
    {
        foreach (var path in LiteralPath ?? Path ?? [])
        {
            foreach (var file in SourceFile.Resolve(this, path, LiteralPath is not null))
            {
                using var text = new StreamReader(TextEncoding.Open(file), TextEncoding.Of(Encoding), detectEncodingFromByteOrderMarks: true);
                WriteObject(CsvTable.Objects(text, Separator, Header), enumerateCollection: true);
            }
        }
    }
}
