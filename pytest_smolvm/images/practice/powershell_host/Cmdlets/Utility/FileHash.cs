using System;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Security.Cryptography;

namespace Microsoft.PowerShell.Commands;

/// <summary>What Get-FileHash gives for one file.</summary>
public sealed class FileHashInfo
{
    public string Algorithm { get; set; } = "";

    public string Hash { get; set; } = "";

    public string? Path { get; set; }
}

/// <summary>Get-FileHash.</summary>
[Cmdlet(VerbsCommon.Get, "FileHash", DefaultParameterSetName = "Path")]
[OutputType(typeof(FileHashInfo))]
public sealed class GetFileHashCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Path", ValueFromPipeline = true)]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string[]? LiteralPath { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "StreamParameterSet")]
    public Stream? InputStream { get; set; }

    [Parameter]
    [ValidateSet("SHA1", "SHA256", "SHA384", "SHA512", "MD5")]
    public string Algorithm { get; set; } = "SHA256";

    protected override void ProcessRecord()
    {
        if (InputStream is not null)
        {
            WriteObject(Hash(InputStream, null));
            return;
        }

        foreach (var file in (LiteralPath ?? Path).SelectMany(path => SourceFile.Resolve(this, path, LiteralPath is not null)))
        {
            if (Directory.Exists(file))
            {
                continue; // as on Windows: no hash, no error
            }

            WriteHash(file);
        }
    }

    private void WriteHash(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            WriteObject(Hash(stream, file));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            var unreadable = new IOException($"The file '{file}' cannot be read: {error.Message}", error);
            WriteError(new ErrorRecord(unreadable, "FileReadError", ErrorCategory.ReadError, file));
        }
    }

    private FileHashInfo Hash(Stream stream, string? path)
    {
        using var hash = NewAlgorithm();
        return new FileHashInfo { Algorithm = Algorithm.ToUpperInvariant(), Hash = Convert.ToHexString(hash.ComputeHash(stream)), Path = path };
    }

    private HashAlgorithm NewAlgorithm() => Algorithm.ToUpperInvariant() switch
    {
        "SHA1" => SHA1.Create(),
        "SHA384" => SHA384.Create(),
        "SHA512" => SHA512.Create(),
        "MD5" => MD5.Create(),
        _ => SHA256.Create(),
    };
}
