using System.IO;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Tee-Object: hands its input on and keeps a copy in a file or variable.</summary>
[Cmdlet("Tee", "Object", DefaultParameterSetName = "File")]
public sealed class TeeObjectCommand : PSCmdlet
{
    private readonly System.Collections.Generic.List<object> _kept = [];
    private SteppablePipeline? _file;

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "File")]
    [Alias("Path")]
    public string FilePath { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = "LiteralFile")]
    [Alias("PSPath", "LP")]
    public string? LiteralPath { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "Variable")]
    public string? Variable { get; set; }

    [Parameter(ParameterSetName = "File")]
    public SwitchParameter Append { get; set; }

    protected override void BeginProcessing()
    {
        if (Variable is not null)
        {
            return;
        }

        var script = ScriptBlock.Create("param($path, $append) Microsoft.PowerShell.Utility\\Out-File -LiteralPath $path -Append:$append");
        var path = TargetFile.Resolve(this, LiteralPath ?? FilePath, LiteralPath is not null);
        _file = script.GetSteppablePipeline(CommandOrigin.Internal, [path, Append]);
        _file.Begin(expectInput: true);
    }

    protected override void ProcessRecord()
    {
        if (InputObject is not null && Variable is not null)
        {
            _kept.Add(InputObject);
        }

        _file?.Process(InputObject);
        WriteObject(InputObject);
    }

    protected override void EndProcessing()
    {
        _file?.End();
        if (Variable is not null)
        {
            SessionState.PSVariable.Set(Variable, _kept.Count == 1 ? _kept[0] : _kept.ToArray());
        }
    }
}
