using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Threading;

namespace Microsoft.PowerShell.Commands;

/// <summary>Get-Content: lines with the note properties that Windows adds; ANSI unless the file has a byte order mark.</summary>
[Cmdlet(VerbsCommon.Get, "Content", DefaultParameterSetName = ByPath)]
public sealed class GetContentCommand : PathCommand
{
    private FileSystemCmdletProviderEncoding? _encoding;

    [Parameter(ValueFromPipelineByPropertyName = true)]
    public long ReadCount { get; set; } = 1;

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("First", "Head")]
    public long TotalCount { get; set; } = -1;

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Last")]
    public int Tail { get; set; } = -1;

    [Parameter]
    public SwitchParameter Raw { get; set; }

    [Parameter]
    public SwitchParameter Wait { get; set; }

    [Parameter]
    public string? Delimiter { get; set; }

    [Parameter]
    public FileSystemCmdletProviderEncoding Encoding
    {
        get => _encoding ?? FileSystemCmdletProviderEncoding.Default;
        set => _encoding = value;
    }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessPath(string path)
    {
        var file = ProviderPath(path, out var provider);
        if (!InvokeProvider.Item.Exists(path, Force, literalPath: true))
        {
            InvokeProvider.Item.Get([path], Force, literalPath: true); // fails with the engine's own words
        }

        if (!IsFileSystem(provider))
        {
            WriteLines(InvokeProvider.Content.GetReader([path], Force, literalPath: true).SelectMany(ReadAll), path, provider);
        }
        else if (_encoding == FileSystemCmdletProviderEncoding.Byte)
        {
            WriteLines(Limit(File.ReadAllBytes(RequireFile(file)).Cast<object>()), path, provider, noted: false);
        }
        else
        {
            WriteText(RequireFile(file), path, provider);
        }
    }

    private static string RequireFile(string file) => Directory.Exists(file)
        ? throw new System.UnauthorizedAccessException($"Access to the path '{file}' is denied.")
        : file;

    private static IEnumerable<object> ReadAll(System.Management.Automation.Provider.IContentReader reader)
    {
        using (reader)
        {
            while (reader.Read(1) is { Count: > 0 } block)
            {
                foreach (var value in block)
                {
                    yield return value;
                }
            }
        }
    }

    private void WriteText(string file, string path, ProviderInfo provider)
    {
        using var reader = new StreamReader(TextEncoding.Open(file), TextEncoding.Of(Encoding), detectEncodingFromByteOrderMarks: true);
        if (Raw)
        {
            var text = reader.ReadToEnd();
            if (text.Length > 0)
            {
                WriteObject(Noted(text, path, provider, 1));
            }

            return;
        }

        WriteLines(Limit(Lines(reader)), path, provider);
        if (Wait)
        {
            Follow(reader, path, provider);
        }
    }

    private IEnumerable<object> Lines(StreamReader reader)
    {
        if (Delimiter is not null)
        {
            return reader.ReadToEnd().Split(Delimiter);
        }

        return ReadLines(reader);
    }

    private static IEnumerable<object> ReadLines(StreamReader reader)
    {
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    private IEnumerable<object> Limit(IEnumerable<object> values)
    {
        if (Tail >= 0)
        {
            return values.TakeLast(Tail);
        }

        return TotalCount >= 0 ? values.Take((int)TotalCount) : values;
    }

    private void WriteLines(IEnumerable<object> values, string path, ProviderInfo provider, bool noted = true)
    {
        var count = 0L;
        var block = new List<object>();
        foreach (var value in values)
        {
            count++;
            var shown = noted ? Noted(value, path, provider, count) : value;
            if (ReadCount == 1)
            {
                WriteObject(shown);
                continue;
            }

            block.Add(shown);
            if (block.Count == ReadCount)
            {
                WriteObject(block.ToArray());
                block.Clear();
            }
        }

        if (block.Count > 0)
        {
            WriteObject(block.ToArray());
        }
    }

    private void Follow(StreamReader reader, string path, ProviderInfo provider)
    {
        while (!Stopping)
        {
            WriteLines(ReadLines(reader), path, provider);
            Thread.Sleep(200);
        }
    }

    /// <summary>PSPath and its kin, and the line number so far: scripts see them through ConvertTo-Json and Select-Object *.</summary>
    private PSObject Noted(object value, string path, ProviderInfo provider, long count)
    {
        var qualified = SessionState.Path.IsProviderQualified(path) ? path : $@"{provider.ModuleName}\{provider.Name}::{ProviderPath(path, out _)}";
        var noted = PSObject.AsPSObject(value);
        noted.Properties.Add(new PSNoteProperty("PSPath", qualified));
        noted.Properties.Add(new PSNoteProperty("PSParentPath", SessionState.Path.ParseParent(qualified, null)));
        noted.Properties.Add(new PSNoteProperty("PSChildName", SessionState.Path.ParseChildName(path)));
        noted.Properties.Add(new PSNoteProperty("PSProvider", provider));
        noted.Properties.Add(new PSNoteProperty("ReadCount", count));
        return noted;
    }
}
