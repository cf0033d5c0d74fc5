using System;
using System.Management.Automation;
using System.Runtime.InteropServices;

namespace Microsoft.PowerShell.Commands;

/// <summary>Which part of a date Get-Date shows.</summary>
public enum DisplayHintType
{
    Date,
    Time,
    DateTime,
}

/// <summary>A cmdlet that builds a date from parts of it.</summary>
public abstract class DatePartsCommand : PSCmdlet
{
    [Parameter]
    [ValidateRange(1, 9999)]
    public int? Year { get; set; }

    [Parameter]
    [ValidateRange(1, 12)]
    public int? Month { get; set; }

    [Parameter]
    [ValidateRange(1, 31)]
    public int? Day { get; set; }

    [Parameter]
    [ValidateRange(0, 23)]
    public int? Hour { get; set; }

    [Parameter]
    [ValidateRange(0, 59)]
    public int? Minute { get; set; }

    [Parameter]
    [ValidateRange(0, 59)]
    public int? Second { get; set; }

    [Parameter]
    [ValidateRange(0, 999)]
    public int? Millisecond { get; set; }

    private protected DateTime WithParts(DateTime date)
    {
        date = Moved(date, Year, date.Year, (d, by) => d.AddYears(by));
        date = Moved(date, Month, date.Month, (d, by) => d.AddMonths(by));
        date = Moved(date, Day, date.Day, (d, by) => d.AddDays(by));
        date = Moved(date, Hour, date.Hour, (d, by) => d.AddHours(by));
        date = Moved(date, Minute, date.Minute, (d, by) => d.AddMinutes(by));
        date = Moved(date, Second, date.Second, (d, by) => d.AddSeconds(by));
        return Moved(date, Millisecond, date.Millisecond, (d, by) => d.AddMilliseconds(by)).AddTicks(
            Millisecond is null ? 0 : -(date.Ticks % TimeSpan.TicksPerMillisecond));
    }

    private static DateTime Moved(DateTime date, int? wanted, int now, Func<DateTime, int, DateTime> move) =>
        wanted is { } value && value != now ? move(date, value - now) : date;
}

/// <summary>Get-Date: now, or a given date with parts replaced; as text with <c>-Format</c> or <c>-UFormat</c>.</summary>
[Cmdlet(VerbsCommon.Get, "Date", DefaultParameterSetName = "Net")]
[OutputType(typeof(string), typeof(DateTime))]
public sealed class GetDateCommand : DatePartsCommand
{
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("LastWriteTime")]
    public DateTime? Date { get; set; }

    [Parameter]
    public DisplayHintType DisplayHint { get; set; } = DisplayHintType.DateTime;

    [Parameter(ParameterSetName = "UFormat")]
    public string? UFormat { get; set; }

    [Parameter(ParameterSetName = "Net")]
    public string? Format { get; set; }

    protected override void ProcessRecord()
    {
        var date = WithParts(Date ?? DateTime.Now);
        if (UFormat is not null)
        {
            WriteObject(UnixDate.Format(date, UFormat));
        }
        else if (Format is not null)
        {
            WriteObject(date.ToString(NamedFormat(Format)));
        }
        else
        {
            var shown = new PSObject(date);
            shown.Properties.Add(new PSNoteProperty("DisplayHint", DisplayHint));
            WriteObject(shown);
        }
    }

    private static string NamedFormat(string format) => format.ToLowerInvariant() switch
    {
        "filedate" => "yyyyMMdd",
        "filedateuniversal" => "yyyyMMddZ",
        "filedatetime" => "yyyyMMddTHHmmssffff",
        "filedatetimeuniversal" => "yyyyMMddTHHmmssffffZ",
        _ => format,
    };
}

/// <summary>Set-Date: sets the clock of the machine.</summary>
[Cmdlet(VerbsCommon.Set, "Date", DefaultParameterSetName = "Date", SupportsShouldProcess = true)]
[OutputType(typeof(DateTime))]
public sealed partial class SetDateCommand : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Date", ValueFromPipeline = true)]
    public DateTime Date { get; set; }

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Adjust")]
    public TimeSpan Adjust { get; set; }

    protected override void ProcessRecord()
    {
        var date = ParameterSetName == "Date" ? Date : DateTime.Now + Adjust;
        if (ShouldProcess(date.ToString("F")))
        {
            Set(date);
            WriteObject(date);
        }
    }

    private static void Set(DateTime date)
    {
        Span<ushort> time =
        [
            (ushort)date.Year, (ushort)date.Month, (ushort)date.DayOfWeek, (ushort)date.Day,
            (ushort)date.Hour, (ushort)date.Minute, (ushort)date.Second, (ushort)date.Millisecond,
        ];
        if (!SetLocalTime(ref time[0]))
        {
            throw new System.ComponentModel.Win32Exception();
        }
    }

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetLocalTime(ref ushort systemTime);
}

/// <summary>New-TimeSpan: between two dates, or of so many days, hours, minutes and seconds.</summary>
[Cmdlet(VerbsCommon.New, "TimeSpan", DefaultParameterSetName = "Date")]
[OutputType(typeof(TimeSpan))]
public sealed class NewTimeSpanCommand : PSCmdlet
{
    [Parameter(Position = 0, ParameterSetName = "Date", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("LastWriteTime")]
    public DateTime? Start { get; set; }

    [Parameter(Position = 1, ParameterSetName = "Date", ValueFromPipelineByPropertyName = true)]
    public DateTime? End { get; set; }

    [Parameter(ParameterSetName = "Time")]
    public int Days { get; set; }

    [Parameter(ParameterSetName = "Time")]
    public int Hours { get; set; }

    [Parameter(ParameterSetName = "Time")]
    public int Minutes { get; set; }

    [Parameter(ParameterSetName = "Time")]
    public int Seconds { get; set; }

    protected override void ProcessRecord()
    {
        var now = DateTime.Now;
        WriteObject(ParameterSetName == "Time"
            ? new TimeSpan(Days, Hours, Minutes, Seconds)
            : (End ?? now) - (Start ?? now));
    }
}
