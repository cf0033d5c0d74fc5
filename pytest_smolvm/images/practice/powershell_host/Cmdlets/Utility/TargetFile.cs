using System;
using System.IO;
using System.Management.Automation;
using System.Text;

namespace Microsoft.PowerShell.Commands;

/// <summary>The file that a cmdlet writes to.</summary>
internal static class TargetFile
{
    /// <summary>The file system's path for what the user wrote; a wildcard must mean exactly one file.</summary>
    public static string Resolve(PSCmdlet cmdlet, string path, bool literal)
    {
        var paths = cmdlet.SessionState.Path;
        if (!literal && WildcardPattern.ContainsWildcardCharacters(path))
        {
            var found = paths.GetResolvedProviderPathFromPSPath(path, out _);
            if (found.Count == 1)
            {
                return found[0];
            }

            throw new PSInvalidOperationException($"Cannot perform operation because the wildcard path {path} did not resolve to a file.");
        }

        var file = paths.GetUnresolvedProviderPathFromPSPath(path, out var provider, out _);
        return provider.Name == "FileSystem"
            ? file
            : throw new PSInvalidOperationException(
                $"Cannot open file because the current provider ({provider.Name}) cannot open a file.");
    }

    public static StreamWriter Open(PSCmdlet cmdlet, string file, Encoding encoding, bool append, bool noClobber, bool force)
    {
        try
        {
            if (force && File.Exists(file))
            {
                File.SetAttributes(file, File.GetAttributes(file) & ~FileAttributes.ReadOnly);
            }

            var mode = append ? FileMode.Append : noClobber ? FileMode.CreateNew : FileMode.Create;
            return new StreamWriter(new FileStream(file, mode, FileAccess.Write, FileShare.Read), encoding);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            var (id, category) = noClobber && File.Exists(file)
                ? ("NoClobber", ErrorCategory.ResourceExists)
                : ("FileOpenFailure", ErrorCategory.OpenError);
            cmdlet.ThrowTerminatingError(new ErrorRecord(error, id, category, file));
            throw;
        }
    }
}
