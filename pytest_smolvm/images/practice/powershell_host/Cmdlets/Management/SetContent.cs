using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Provider;

namespace Microsoft.PowerShell.Commands;

/// <summary>What Set-Content and Add-Content share: one writer per path, open from the first value to the last.</summary>
public abstract class WriteContentCommand : PathCommand
{
    private readonly Dictionary<string, TextWriter> _files = [];
    private readonly Dictionary<string, IContentWriter> _others = [];
    private FileSystemCmdletProviderEncoding? _encoding;

    [Parameter(Position = 1, Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    public object?[]? Value { get; set; }

    [Parameter]
    public FileSystemCmdletProviderEncoding Encoding
    {
        get => _encoding ?? FileSystemCmdletProviderEncoding.Default;
        set => _encoding = value;
    }

    [Parameter]
    public SwitchParameter NoNewline { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected bool EncodingIsGiven => _encoding is not null;

    protected override void ProcessPath(string path)
    {
        var target = ProviderPath(path, out var provider);
        if (!IsFileSystem(provider))
        {
            WriteElsewhere(path);
        }
        else if (_encoding == FileSystemCmdletProviderEncoding.Byte)
        {
            WriteBytes(target);
        }
        else if (_files.ContainsKey(target) || ShouldProcess($"Path: {target}", MyInvocation.MyCommand.Name == "Add-Content" ? "Add Content" : "Set Content"))
        {
            WriteText(target);
        }

        if (PassThru)
        {
            WriteObject(Value, enumerateCollection: true);
        }
    }

    protected override void EndProcessing() => Close();

    protected override void StopProcessing() => Close();

    /// <summary>Opens the file for text.</summary>
    protected abstract TextWriter OpenFile(string file);

    protected abstract FileMode ByteMode { get; }

    /// <summary>Whether the old content of a value that is not a file stays.</summary>
    protected abstract bool Appends { get; }

    private void WriteText(string file)
    {
        if (!_files.TryGetValue(file, out var writer))
        {
            MakeWritable(file);
            writer = _files[file] = OpenFile(file);
        }

        foreach (var value in Value ?? [])
        {
            var text = LanguagePrimitives.ConvertTo<string>(value);
            if (NoNewline)
            {
                writer.Write(text);
            }
            else
            {
                writer.WriteLine(text);
            }
        }
    }

    private void WriteBytes(string file)
    {
        MakeWritable(file);
        using var stream = new FileStream(file, ByteMode, FileAccess.Write, FileShare.Read);
        foreach (var value in Value ?? [])
        {
            stream.Write(LanguagePrimitives.ConvertTo<byte[]>(value));
        }
    }

    private void MakeWritable(string file)
    {
        if (Force && File.Exists(file))
        {
            File.SetAttributes(file, File.GetAttributes(file) & ~FileAttributes.ReadOnly);
        }
    }

    private void WriteElsewhere(string path)
    {
        if (!_others.TryGetValue(path, out var writer))
        {
            if (!Appends && InvokeProvider.Item.Exists(path, Force, literalPath: true))
            {
                InvokeProvider.Content.Clear([path], Force, literalPath: true);
            }

            writer = _others[path] = InvokeProvider.Content.GetWriter([path], Force, literalPath: true).Single();
            if (Appends)
            {
                writer.Seek(0, SeekOrigin.End);
            }
        }

        writer.Write((IList?)Value ?? new object[] { "" });
    }

    private void Close()
    {
        foreach (var file in _files.Values)
        {
            file.Dispose();
        }

        foreach (var writer in _others.Values)
        {
            writer.Close();
        }

        _files.Clear();
        _others.Clear();
    }
}

/// <summary>Set-Content: replaces the content; ANSI unless <c>-Encoding</c> says otherwise.</summary>
[Alias("sc")]
[Cmdlet(VerbsCommon.Set, "Content", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class SetContentCommand : WriteContentCommand
{
    protected override FileMode ByteMode => _bytesBegun ? FileMode.Append : Begin();

    protected override bool Appends => false;

    private bool _bytesBegun;

    protected override TextWriter OpenFile(string file) => new StreamWriter(file, append: false, TextEncoding.Of(Encoding));

    // Bytes may come one per record: only the first record replaces the file.
    private FileMode Begin()
    {
        _bytesBegun = true;
        return FileMode.Create;
    }
}

/// <summary>Add-Content: appends, in the encoding that the file already has.</summary>
[Cmdlet(VerbsCommon.Add, "Content", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class AddContentCommand : WriteContentCommand
{
    protected override FileMode ByteMode => FileMode.Append;

    protected override bool Appends => true;

    protected override TextWriter OpenFile(string file)
    {
        var keeps = !EncodingIsGiven && File.Exists(file) && new FileInfo(file).Length > 0;
        return new StreamWriter(file, append: true, keeps ? TextEncoding.Of(file) : TextEncoding.Of(Encoding));
    }
}

/// <summary>Clear-Content: empties a file.</summary>
[Cmdlet(VerbsCommon.Clear, "Content", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
public sealed class ClearContentCommand : PathCommand
{
    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessPath(string path)
    {
        if (ShouldProcess($"Item: {ProviderPath(path, out _)}", "Clear Content"))
        {
            InvokeProvider.Content.Clear([path], Force, literalPath: true);
        }
    }
}
