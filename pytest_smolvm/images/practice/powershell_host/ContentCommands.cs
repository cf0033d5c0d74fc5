extern alias Management;

using System;
using System.IO;
using System.Management.Automation;
using System.Reflection;
using System.Text;
using PracticeGuest;
using Original = Management::Microsoft.PowerShell.Commands;

namespace Microsoft.PowerShell.Commands;

/// <summary>Get-Content that takes a file without a mark for ANSI, and knows <c>-Encoding Byte</c>.</summary>
[Cmdlet(VerbsCommon.Get, "Content", DefaultParameterSetName = "Path", SupportsTransactions = true)]
public sealed class GetContentCommand : Original.GetContentCommand, IDynamicParameters
{
    private object? _parameters;

    object? IDynamicParameters.GetDynamicParameters() => _parameters = ContentEncoding.Begin(GetDynamicParameters(), EncodingNames.Ansi);

    protected override void BeginProcessing()
    {
        ContentEncoding.Settle(_parameters);
        base.BeginProcessing();
    }
}

/// <summary>Set-Content that writes ANSI, and knows <c>-Encoding Byte</c>.</summary>
[Cmdlet(VerbsCommon.Set, "Content", DefaultParameterSetName = "Path", SupportsShouldProcess = true, SupportsTransactions = true)]
public sealed class SetContentCommand : Original.SetContentCommand, IDynamicParameters
{
    private object? _parameters;

    object? IDynamicParameters.GetDynamicParameters() => _parameters = ContentEncoding.Begin(GetDynamicParameters(), EncodingNames.Ansi);

    protected override void BeginProcessing()
    {
        ContentEncoding.Settle(_parameters);
        base.BeginProcessing();
    }
}

/// <summary>Add-Content that goes on in the encoding that the file's mark tells, else in ANSI; it knows <c>-Encoding Byte</c>.</summary>
[Cmdlet(VerbsCommon.Add, "Content", DefaultParameterSetName = "Path", SupportsShouldProcess = true, SupportsTransactions = true)]
public sealed class AddContentCommand : Original.AddContentCommand, IDynamicParameters
{
    private object? _parameters;

    object? IDynamicParameters.GetDynamicParameters() => _parameters = ContentEncoding.Begin(GetDynamicParameters(), Present());

    protected override void BeginProcessing()
    {
        ContentEncoding.Settle(_parameters);
        base.BeginProcessing();
    }

    private Encoding Present()
    {
        if (Path is not [var path, ..])
        {
            return EncodingNames.Ansi; // it comes through the pipeline
        }

        var file = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out var provider, out _);
        return provider.Name == "FileSystem" && File.Exists(file) ? ContentEncoding.Of(file) : EncodingNames.Ansi;
    }
}

/// <summary>The <c>-Encoding</c> of the three, which is the file system's own parameter.</summary>
internal static class ContentEncoding
{
    // Whether it was given: if not, it is not looked at, and if it was, -AsByteStream warns.
    private static readonly PropertyInfo Given = typeof(FileSystemContentDynamicParametersBase).GetProperty("WasStreamTypeSpecified")!;

    /// <summary>The file system's parameters with another default; those of other providers as they are.</summary>
    public static object? Begin(object? parameters, Encoding encoding)
    {
        if (parameters is FileSystemContentDynamicParametersBase ours)
        {
            ours.Encoding = encoding;
        }

        return parameters;
    }

    /// <summary>Once they are bound: <c>-Encoding Byte</c> is what PowerShell 7 calls <c>-AsByteStream</c>.</summary>
    public static void Settle(object? parameters)
    {
        if (parameters is FileSystemContentDynamicParametersBase ours && (ours.AsByteStream || ours.Encoding == EncodingNames.Byte))
        {
            ours.AsByteStream = true;
            Given.SetValue(ours, false);
        }
    }

    /// <summary>The encoding of a file by its mark.</summary>
    public static Encoding Of(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var mark = new byte[4];
        return mark.AsSpan(0, stream.ReadAtLeast(mark, mark.Length, throwOnEndOfStream: false)) switch
        {
            [0xFF, 0xFE, 0, 0] => Encoding.UTF32,
            [0xFF, 0xFE, ..] => Encoding.Unicode,
            [0xFE, 0xFF, ..] => Encoding.BigEndianUnicode,
            [0xEF, 0xBB, 0xBF, ..] => Encoding.UTF8,
            _ => EncodingNames.Ansi,
        };
    }
}
