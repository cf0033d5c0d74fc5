using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;
using System.Reflection;
using System.Text;

namespace PracticeGuest;

/// <summary>What <c>-Encoding</c> means in Windows PowerShell 5.1.</summary>
internal static class EncodingNames
{
    private const BindingFlags Hidden = BindingFlags.Static | BindingFlags.NonPublic;

    /// <summary>The code page of the system's language, in which 5.1 writes files unless it is told otherwise (1252 on en-US).</summary>
    public static Encoding Ansi { get; } = Encoding.GetEncoding(CultureInfo.CurrentCulture.TextInfo.ANSICodePage);

    /// <summary>Stands for no encoding, but bytes.</summary>
    public static Encoding Byte { get; } = new ByteEncoding();

    /// <summary>
    /// Give the names in the engine's table their meaning of 5.1 (<c>utf8</c> has a mark, <c>default</c> is the ANSI code
    /// page), and take those away that only PowerShell 7 knows: a script that uses them must not work here.
    /// </summary>
    public static void UseWindowsNames()
    {
        var engine = typeof(PSObject).Assembly.GetType("System.Management.Automation.EncodingConversion", throwOnError: true)!;
        var names = (Dictionary<string, Encoding>)engine.GetField("encodingMap", Hidden)!.GetValue(null)!;
        foreach (var later in new[] { "ansi", "bigendianutf32", "utf8BOM", "utf8NoBOM" })
        {
            names.Remove(later);
        }

        names["byte"] = Byte;
        names["default"] = Ansi;
        names["utf8"] = Encoding.UTF8;
    }

    private sealed class ByteEncoding : ASCIIEncoding;
}
