using System.IO;
using System.Runtime.InteropServices;
using System.Text;

namespace Microsoft.PowerShell.Commands;

/// <summary>The values of <c>-Encoding</c> in Windows PowerShell 5.1; PowerShell 7's <c>utf8NoBOM</c> is not among them.</summary>
public enum FileSystemCmdletProviderEncoding
{
    Unknown,
    String,
    Unicode,
    Byte,
    BigEndianUnicode,
    UTF8,
    UTF7,
    UTF32,
    Ascii,
    Default,
    Oem,
    BigEndianUTF32,
}

/// <summary>The text encodings of Windows PowerShell 5.1: the ANSI code page unless said otherwise, UTF-8 with a mark.</summary>
public static partial class TextEncoding
{
    static TextEncoding() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    /// <summary>The code page that 5.1 calls "Default": 1252 on en-US.</summary>
    public static Encoding Ansi => Encoding.GetEncoding((int)GetACP());

    public static Encoding Of(FileSystemCmdletProviderEncoding encoding) => encoding switch
    {
        FileSystemCmdletProviderEncoding.Unknown or FileSystemCmdletProviderEncoding.String
            or FileSystemCmdletProviderEncoding.Unicode => Encoding.Unicode,
        FileSystemCmdletProviderEncoding.BigEndianUnicode => Encoding.BigEndianUnicode,
        FileSystemCmdletProviderEncoding.UTF8 => Encoding.UTF8,
#pragma warning disable SYSLIB0001 // Windows PowerShell has it, so scripts may name it.
        FileSystemCmdletProviderEncoding.UTF7 => Encoding.UTF7,
#pragma warning restore SYSLIB0001
        FileSystemCmdletProviderEncoding.UTF32 => Encoding.UTF32,
        FileSystemCmdletProviderEncoding.BigEndianUTF32 => new UTF32Encoding(bigEndian: true, byteOrderMark: true),
        FileSystemCmdletProviderEncoding.Ascii => Encoding.ASCII,
        FileSystemCmdletProviderEncoding.Oem => Encoding.GetEncoding((int)GetOEMCP()),
        FileSystemCmdletProviderEncoding.Byte => Encoding.Latin1,
        _ => Ansi,
    };

    /// <summary>The encoding that a file's byte order mark names, or ANSI.</summary>
    public static Encoding Of(string file)
    {
        using var reader = new StreamReader(Open(file), Ansi, detectEncodingFromByteOrderMarks: true);
        reader.Peek();
        return reader.CurrentEncoding;
    }

    /// <summary>Opens a file that others may be writing.</summary>
    public static FileStream Open(string file) =>
        new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    [LibraryImport("kernel32")]
    private static partial uint GetACP();

    [LibraryImport("kernel32")]
    private static partial uint GetOEMCP();
}
