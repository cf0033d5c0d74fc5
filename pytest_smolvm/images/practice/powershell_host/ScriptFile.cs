using System;
using System.IO;

namespace PracticeGuest;

/// <summary>The script that <c>-File</c> names.</summary>
internal static class ScriptFile
{
    /// <summary>The full path of the script, or the refusal that Windows PowerShell prints.</summary>
    public static string Resolve(string path)
    {
        var full = FullPath(path);
        if (!string.Equals(Path.GetExtension(full), ".ps1", StringComparison.OrdinalIgnoreCase))
        {
            throw new CommandLineException(
                $"Processing -File '{path}' failed because the file does not have a '.ps1' extension. "
                + "Specify a valid Windows PowerShell script file name, and then try again.");
        }

        if (!File.Exists(full))
        {
            throw new CommandLineException(
                $"The argument '{path}' to the -File parameter does not exist. "
                + "Provide the path to an existing '.ps1' file as an argument to the -File parameter.");
        }

        return full;
    }

    private static string FullPath(string path)
    {
        try
        {
            return Path.GetFullPath(path);
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException or IOException)
        {
            throw new CommandLineException($"Processing -File '{path}' failed: {error.Message} Specify a valid path for the -File parameter.");
        }
    }
}
