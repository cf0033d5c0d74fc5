extern alias Utility;

using System.Collections.Generic;
using System.Management.Automation;
using System.Text;
using System.Threading;
using Original = Utility::Microsoft.PowerShell.Commands;

namespace Microsoft.PowerShell.Commands;

/// <summary>Out-File, which is <c>&gt;</c>, too: it writes UTF-16.</summary>
[Cmdlet(VerbsData.Out, "File", SupportsShouldProcess = true, DefaultParameterSetName = "ByPath")]
public sealed class OutFileCommand : Original.OutFileCommand
{
    public OutFileCommand() => Encoding = Encoding.Unicode;
}

/// <summary>ConvertFrom-Json, which passes an array on as one object and leaves dates as text.</summary>
[Cmdlet(VerbsData.ConvertFrom, "Json")]
public sealed class ConvertFromJsonCommand : Original.ConvertFromJsonCommand
{
    public ConvertFromJsonCommand()
    {
        NoEnumerate = true;
        DateKind = Original.JsonDateKind.String;
    }
}

/// <summary>ConvertTo-Json, which escapes what HTML would take amiss, and does not warn of what is too deep.</summary>
[Cmdlet(VerbsData.ConvertTo, "Json")]
public sealed class ConvertToJsonCommand : Original.ConvertToJsonCommand
{
    private readonly List<object> _inputs = [];

    private readonly CancellationTokenSource _stop = new();

    public ConvertToJsonCommand() => EscapeHandling = Newtonsoft.Json.StringEscapeHandling.EscapeHtml;

    protected override void ProcessRecord() => _inputs.Add(InputObject);

    protected override void EndProcessing()
    {
        if (_inputs.Count == 0)
        {
            return;
        }

        var input = _inputs.Count > 1 || AsArray ? _inputs.ToArray() : _inputs[0];
        var context = new Original.JsonObject.ConvertToJsonContext(Depth, EnumsAsStrings, Compress, EscapeHandling, targetCmdlet: null, _stop.Token);
        if (Original.JsonObject.ConvertToJson(input, in context) is { } text)
        {
            WriteObject(text); // else we are being stopped
        }
    }

    protected override void StopProcessing() => _stop.Cancel();
}
