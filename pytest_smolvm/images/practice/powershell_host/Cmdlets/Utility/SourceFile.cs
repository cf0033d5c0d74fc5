using System.Collections.Generic;
using System.IO;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>The files that a cmdlet reads.</summary>
internal static class SourceFile
{
    /// <summary>The existing files a path or wildcard stands for; none, with an error record, if there are none.</summary>
    public static IReadOnlyList<string> Resolve(PSCmdlet cmdlet, string path, bool literal)
    {
        try
        {
            return literal
                ? [Existing(cmdlet, path)]
                : cmdlet.SessionState.Path.GetResolvedProviderPathFromPSPath(path, out _);
        }
        catch (ItemNotFoundException missing)
        {
            cmdlet.WriteError(new ErrorRecord(missing.ErrorRecord, missing));
            return [];
        }
    }

    private static string Existing(PSCmdlet cmdlet, string path)
    {
        var file = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path);
        return File.Exists(file) || Directory.Exists(file)
            ? file
            : throw new ItemNotFoundException($"Cannot find path '{file}' because it does not exist.");
    }
}
