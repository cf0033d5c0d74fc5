using System;
using System.Globalization;
using System.Text;

namespace Microsoft.PowerShell.Commands;

/// <summary>The <c>%</c> letters of <c>Get-Date -UFormat</c>, as 5.1 reads them.</summary>
internal static class UnixDate
{
    public static string Format(DateTime date, string format)
    {
        var text = new StringBuilder();
        for (var i = format.StartsWith('+') ? 1 : 0; i < format.Length; i++)
        {
            text.Append(format[i] == '%' && i + 1 < format.Length ? Letter(date, format[++i]) : format[i].ToString());
        }

        return text.ToString();
    }

    private static string Letter(DateTime date, char letter) => letter switch
    {
        'A' => date.ToString("dddd"),
        'a' => date.ToString("ddd"),
        'B' => date.ToString("MMMM"),
        'b' or 'h' => date.ToString("MMM"),
        'C' => (date.Year / 100).ToString(CultureInfo.InvariantCulture),
        'c' => date.ToString("ddd dd MMM yyyy HH:mm:ss"),
        'D' or 'x' => date.ToString("MM/dd/yy", CultureInfo.InvariantCulture),
        'd' => date.ToString("dd"),
        'e' => date.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
        'F' => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        'H' => date.ToString("HH"),
        'I' => date.ToString("hh"),
        'j' => date.DayOfYear.ToString(CultureInfo.InvariantCulture),
        'k' => date.Hour.ToString(CultureInfo.InvariantCulture),
        'l' => date.ToString("%h"),
        'M' => date.ToString("mm"),
        'm' => date.ToString("MM"),
        'n' => "\n",
        'p' => date.ToString("tt", CultureInfo.InvariantCulture),
        'R' => date.ToString("HH:mm", CultureInfo.InvariantCulture),
        'r' => date.ToString("hh:mm:ss tt", CultureInfo.InvariantCulture),
        'S' => date.ToString("ss"),
        's' => (date - DateTime.UnixEpoch).TotalSeconds.ToString(CultureInfo.InvariantCulture), // 5.1 takes local time for UTC
        'T' or 'X' => date.ToString("HH:mm:ss", CultureInfo.InvariantCulture),
        't' => "\t",
        'u' => (date.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)date.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'w' => ((int)date.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'V' or 'W' or 'U' => (date.DayOfYear / 7).ToString(CultureInfo.InvariantCulture),
        'Y' => date.ToString("yyyy"),
        'y' => date.ToString("yy"),
        'Z' => date.ToString("%z"),
        '%' => "%",
        _ => letter.ToString(),
    };
}
