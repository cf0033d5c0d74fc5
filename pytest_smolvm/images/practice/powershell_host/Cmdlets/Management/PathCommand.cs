using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>A cmdlet over the engine's providers: what a provider throws becomes an error record of the cmdlet.</summary>
public abstract class ProviderCommand : PSCmdlet
{
    /// <summary>Runs <paramref name="work"/>; a provider's exception is a non-terminating error, as on Windows.</summary>
    protected void Attempt(Action work)
    {
        try
        {
            work();
        }
        catch (Exception error) when (error is IContainsErrorRecord and not PipelineStoppedException and not ActionPreferenceStopException)
        {
            WriteError(new ErrorRecord(((IContainsErrorRecord)error).ErrorRecord, error));
        }
        catch (Exception error) when (error is System.IO.IOException or UnauthorizedAccessException or NotSupportedException)
        {
            var category = error is UnauthorizedAccessException ? ErrorCategory.PermissionDenied : ErrorCategory.WriteError;
            WriteError(new ErrorRecord(error, error.GetType().Name, category, null));
        }
    }

    /// <summary>The paths that a wildcard path stands for, ready to be taken literally.</summary>
    protected IEnumerable<string> Expand(string path, bool literal) =>
        literal || !WildcardPattern.ContainsWildcardCharacters(path)
            ? [path]
            : SessionState.Path.GetResolvedPSPathFromPSPath(path).Select(found => found.Path).ToList();

    /// <summary>The path in the provider's own notation.</summary>
    protected string ProviderPath(string path, out ProviderInfo provider) =>
        SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out provider, out _);

    protected static bool IsFileSystem(ProviderInfo provider) => provider.Name == "FileSystem";
}

/// <summary>A cmdlet that takes <c>-Path</c> with wildcards or <c>-LiteralPath</c> without, and works through them one by one.</summary>
public abstract class PathCommand : ProviderCommand
{
    protected const string ByPath = "Path";

    protected const string ByLiteralPath = "LiteralPath";

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = ByPath, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = ByLiteralPath, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string[] LiteralPath { get; set; } = [];

    [Parameter]
    public string? Filter { get; set; }

    [Parameter]
    public string[] Include { get; set; } = [];

    [Parameter]
    public string[] Exclude { get; set; } = [];

    protected bool Literal => ParameterSetName == ByLiteralPath;

    protected override void ProcessRecord()
    {
        foreach (var path in Literal ? LiteralPath : Path)
        {
            Attempt(() => ProcessExpanded(path));
        }
    }

    /// <summary>Called for every path that is meant, wildcards expanded, filters applied.</summary>
    protected abstract void ProcessPath(string path);

    private void ProcessExpanded(string path)
    {
        var filter = new NameFilter(Filter, Include, Exclude);
        foreach (var found in Expand(path, Literal))
        {
            if (filter.Accepts(SessionState.Path.ParseChildName(found)))
            {
                Attempt(() => ProcessPath(found));
            }
        }
    }
}
