using System;
using System.IO;
using System.Management.Automation;
using Microsoft.PowerShell.Commands.Internal.Format;

namespace Microsoft.PowerShell.Commands;

/// <summary>Out-String: what the console would show, as one string or, with <c>-Stream</c>, line by line.</summary>
[Cmdlet(VerbsData.Out, "String", DefaultParameterSetName = "NoNewLineFormatting")]
[OutputType(typeof(string))]
public sealed class OutStringCommand : FrontEndCommandBase
{
    private readonly StringWriter _text = new();

    [Parameter(ParameterSetName = "StreamFormatting")]
    public SwitchParameter Stream { get; set; }

    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int Width { get; set; } = OutputWidth.Default;

    [Parameter(ParameterSetName = "NoNewLineFormatting")]
    public SwitchParameter NoNewline { get; set; }

    protected override void BeginProcessing()
    {
        EngineFormatting.WriteTo(this, _text, Width, NoNewline);
        base.BeginProcessing();
    }

    protected override void ProcessRecord()
    {
        base.ProcessRecord();
        if (Stream)
        {
            WriteLines();
        }
    }

    protected override void EndProcessing()
    {
        base.EndProcessing();
        if (Stream)
        {
            WriteLines();
        }
        else
        {
            WriteObject(_text.ToString());
        }
    }

    private void WriteLines()
    {
        var text = _text.ToString();
        if (text.Length == 0)
        {
            return;
        }

        _text.GetStringBuilder().Clear();
        WriteObject((text.EndsWith(Environment.NewLine, StringComparison.Ordinal) ? text[..^Environment.NewLine.Length] : text)
            .Split(Environment.NewLine), enumerateCollection: true);
    }
}

/// <summary>How wide text is that does not go to the console itself.</summary>
internal static class OutputWidth
{
    // A redirected 5.1 formats for the console's buffer, which is 120 columns wide where nobody set it otherwise.
    public const int Default = 120;
}
