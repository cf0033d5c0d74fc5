using System;
using System.Runtime.InteropServices;
using System.Text;

namespace PracticeGuest;

/// <summary>The encoding of the standard streams before a script changes it.</summary>
internal static partial class ConsoleEncoding
{
    /// <summary>
    /// Windows PowerShell reads and writes the OEM code page (437 on en-US). Without a console .NET would take UTF-8,
    /// and a script that forgets to set <c>[Console]::OutputEncoding</c> would pass here and fail on Windows.
    /// </summary>
    public static void UseOemCodePage()
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        if (GetConsoleOutputCP() != 0)
        {
            return;
        }

        var oem = Encoding.GetEncoding((int)GetOEMCP());
        Console.OutputEncoding = oem;
        Console.InputEncoding = oem;
    }

    [LibraryImport("kernel32")]
    private static partial uint GetConsoleOutputCP();

    [LibraryImport("kernel32")]
    private static partial uint GetOEMCP();
}
