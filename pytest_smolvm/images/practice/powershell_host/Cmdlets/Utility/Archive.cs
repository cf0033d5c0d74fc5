using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Expand-Archive: a zip file into a folder; files that are there are kept unless <c>-Force</c>.</summary>
[Cmdlet(VerbsData.Expand, "Archive", DefaultParameterSetName = "Path", SupportsShouldProcess = true)]
public sealed class ExpandArchiveCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Path", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string Path { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath")]
    public string? LiteralPath { get; set; }

    [Parameter(Position = 1)]
    public string? DestinationPath { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var archive in SourceFile.Resolve(this, LiteralPath ?? Path, LiteralPath is not null))
        {
            RequireZip(archive);
            var target = SessionState.Path.GetUnresolvedProviderPathFromPSPath(
                DestinationPath ?? System.IO.Path.GetFileNameWithoutExtension(archive));
            if (ShouldProcess(archive, "Expand"))
            {
                Expand(archive, target);
            }
        }
    }

    private void RequireZip(string archive)
    {
        if (!string.Equals(System.IO.Path.GetExtension(archive), ".zip", StringComparison.OrdinalIgnoreCase))
        {
            ThrowTerminatingError(new ErrorRecord(
                new IOException($"{System.IO.Path.GetExtension(archive)} is not a supported archive file format. .zip is the only supported archive file format."),
                "NotSupportedArchiveFileExtension",
                ErrorCategory.InvalidArgument,
                archive));
        }
    }

    private void Expand(string archive, string target)
    {
        using var zip = ZipFile.OpenRead(archive);
        var root = Directory.CreateDirectory(target).FullName.TrimEnd('\\') + "\\";
        foreach (var entry in zip.Entries)
        {
            var file = System.IO.Path.GetFullPath(System.IO.Path.Combine(root, entry.FullName));
            if (!file.StartsWith(root, StringComparison.OrdinalIgnoreCase))
            {
                throw new IOException($"The archive entry '{entry.FullName}' lies outside of the destination '{target}'.");
            }

            Extract(entry, file);
        }
    }

    private void Extract(ZipArchiveEntry entry, string file)
    {
        if (entry.FullName.EndsWith('/') || entry.FullName.EndsWith('\\'))
        {
            Directory.CreateDirectory(file);
            return;
        }

        if (File.Exists(file) && !Force)
        {
            var there = new IOException($"Failed to create file '{file}' while expanding the archive file '{entry.Name}' contents as the file '{file}' already exists. Use the -Force parameter if you want to overwrite the existing directory '{file}' contents when expanding the archive file.");
            WriteError(new ErrorRecord(there, "ExpandArchiveFileExists", ErrorCategory.ResourceExists, file));
            return;
        }

        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        entry.ExtractToFile(file, overwrite: true);
        if (PassThru)
        {
            WriteObject(new FileInfo(file));
        }
    }
}

/// <summary>Compress-Archive: files and folders into a zip file.</summary>
[Cmdlet(VerbsData.Compress, "Archive", DefaultParameterSetName = "Path", SupportsShouldProcess = true)]
public sealed class CompressArchiveCommand : PSCmdlet
{
    private readonly List<string> _sources = [];

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Path", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath")]
    public string[]? LiteralPath { get; set; }

    [Parameter(Position = 1, Mandatory = true)]
    public string DestinationPath { get; set; } = "";

    [Parameter]
    [ValidateSet("Optimal", "NoCompression", "Fastest")]
    public string CompressionLevel { get; set; } = "Optimal";

    [Parameter]
    public SwitchParameter Update { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord() =>
        _sources.AddRange((LiteralPath ?? Path).SelectMany(path => SourceFile.Resolve(this, path, LiteralPath is not null)));

    protected override void EndProcessing()
    {
        var archive = SessionState.Path.GetUnresolvedProviderPathFromPSPath(DestinationPath);
        archive = System.IO.Path.HasExtension(archive) ? archive : archive + ".zip";
        if (File.Exists(archive) && !Force && !Update)
        {
            ThrowTerminatingError(new ErrorRecord(
                new IOException($"The archive file {archive} already exists. Use the -Update parameter to update the existing archive file or use the -Force parameter to overwrite the existing archive file."),
                "ArchiveFileExists",
                ErrorCategory.InvalidArgument,
                archive));
        }

        if (_sources.Count > 0 && ShouldProcess(archive, "Compress"))
        {
            Compress(archive);
        }
    }

    private void Compress(string archive)
    {
        if (Force && !Update)
        {
            File.Delete(archive);
        }

        using (var zip = ZipFile.Open(archive, Update ? ZipArchiveMode.Update : ZipArchiveMode.Create))
        {
            foreach (var source in _sources)
            {
                Add(zip, source);
            }
        }

        if (PassThru)
        {
            WriteObject(new FileInfo(archive));
        }
    }

    /// <summary>A folder goes in with its name; 5.1 separates names by backslashes.</summary>
    private void Add(ZipArchive zip, string source)
    {
        var parent = System.IO.Path.GetDirectoryName(source.TrimEnd('\\')) ?? source;
        var files = Directory.Exists(source) ? Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories) : [source];
        foreach (var file in files)
        {
            var name = System.IO.Path.GetRelativePath(parent, file);
            if (Update)
            {
                zip.GetEntry(name)?.Delete();
            }

            zip.CreateEntryFromFile(file, name, Enum.Parse<CompressionLevel>(CompressionLevel, ignoreCase: true));
        }
    }
}
