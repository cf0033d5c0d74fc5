using System;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>Get-TimeZone: the local one, one by <c>-Id</c> or <c>-Name</c>, or all.</summary>
[Alias("gtz")]
[Cmdlet(VerbsCommon.Get, "TimeZone", DefaultParameterSetName = "Name")]
[OutputType(typeof(TimeZoneInfo))]
public sealed class GetTimeZoneCommand : PSCmdlet
{
    [Parameter(Mandatory = true, ParameterSetName = "Id")]
    public string[]? Id { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "ListAvailable")]
    public SwitchParameter ListAvailable { get; set; }

    [Parameter(Position = 0, ParameterSetName = "Name", ValueFromPipeline = true)]
    public string[]? Name { get; set; }

    protected override void ProcessRecord()
    {
        if (ListAvailable)
        {
            WriteObject(TimeZoneInfo.GetSystemTimeZones(), enumerateCollection: true);
        }
        else if (Id is null && Name is null)
        {
            WriteObject(TimeZoneInfo.Local);
        }
        else
        {
            WriteNamed();
        }
    }

    private void WriteNamed()
    {
        foreach (var name in Id ?? Name!)
        {
            try
            {
                WriteObject(TimeZoneInfo.FindSystemTimeZoneById(name));
            }
            catch (TimeZoneNotFoundException)
            {
                var missing = new TimeZoneNotFoundException($"The time zone ID '{name}' was not found on the local computer.");
                WriteError(new ErrorRecord(missing, "TimeZoneNotFound", ErrorCategory.ObjectNotFound, name));
            }
        }
    }
}
