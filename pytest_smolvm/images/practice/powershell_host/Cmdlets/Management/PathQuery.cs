using System;
using System.IO;
using System.Linq;
using System.Management.Automation;

namespace Microsoft.PowerShell.Commands;

/// <summary>What Test-Path looks for.</summary>
public enum TestPathType
{
    Any,
    Container,
    Leaf,
}

/// <summary>Test-Path: whether a path, or anything a wildcard stands for, exists.</summary>
[Cmdlet(VerbsDiagnostic.Test, "Path", DefaultParameterSetName = "Path")]
[OutputType(typeof(bool))]
public sealed class TestPathCommand : ProviderCommand
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Path", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    public string?[]? Path { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    public string?[]? LiteralPath { get; set; }

    [Parameter]
    [Alias("Type")]
    public TestPathType PathType { get; set; } = TestPathType.Any;

    [Parameter]
    public string? Filter { get; set; }

    [Parameter]
    public string[] Include { get; set; } = [];

    [Parameter]
    public string[] Exclude { get; set; } = [];

    [Parameter]
    public SwitchParameter IsValid { get; set; }

    [Parameter]
    public DateTime? NewerThan { get; set; }

    [Parameter]
    public DateTime? OlderThan { get; set; }

    private bool Literal => ParameterSetName == "LiteralPath";

    protected override void ProcessRecord()
    {
        var paths = Literal ? LiteralPath : Path;
        if (paths is null || paths.Length == 0 || paths.Any(path => path is null))
        {
            throw new PSArgumentNullException(
                Literal ? nameof(LiteralPath) : nameof(Path),
                $"Cannot bind argument to parameter '{(Literal ? nameof(LiteralPath) : nameof(Path))}' because it is null.");
        }

        foreach (var path in paths)
        {
            WriteObject(Test(path!));
        }
    }

    private bool Test(string path)
    {
        if (string.IsNullOrWhiteSpace(path))
        {
            return false;
        }

        try
        {
            return IsValid ? SessionState.Path.IsValid(path) : Exists(path);
        }
        catch (Exception error) when (error is ItemNotFoundException or System.Management.Automation.DriveNotFoundException or NotSupportedException or IOException)
        {
            return false;
        }
    }

    private bool Exists(string path)
    {
        var filter = new NameFilter(Filter, Include, Exclude);
        var wildcard = !Literal && WildcardPattern.ContainsWildcardCharacters(path);
        if (!wildcard)
        {
            return filter.Accepts(SessionState.Path.ParseChildName(path)) && IsWanted(path);
        }

        return SessionState.Path.GetResolvedPSPathFromPSPath(path)
            .Any(found => filter.Accepts(SessionState.Path.ParseChildName(found.Path)) && IsWanted(found.Path));
    }

    private bool IsWanted(string path)
    {
        if (!InvokeProvider.Item.Exists(path, force: false, literalPath: true))
        {
            return false;
        }

        var isContainer = PathType != TestPathType.Any && InvokeProvider.Item.IsContainer(WildcardPattern.Escape(path));
        return PathType switch
        {
            TestPathType.Container => isContainer,
            TestPathType.Leaf => !isContainer,
            _ => true,
        } && HasWantedAge(path);
    }

    private bool HasWantedAge(string path)
    {
        if (NewerThan is null && OlderThan is null)
        {
            return true;
        }

        var written = File.GetLastWriteTime(ProviderPath(path, out _));
        return (NewerThan is null || written > NewerThan) && (OlderThan is null || written < OlderThan);
    }
}

/// <summary>Join-Path.</summary>
[Cmdlet(VerbsCommon.Join, "Path")]
[OutputType(typeof(string))]
public sealed class JoinPathCommand : ProviderCommand
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath")]
    public string[] Path { get; set; } = [];

    [Parameter(Position = 1, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    public string? ChildPath { get; set; }

    [Parameter]
    public SwitchParameter Resolve { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var path in Path)
        {
            Attempt(() => Join(path));
        }
    }

    private void Join(string path)
    {
        var joined = SessionState.Path.Combine(path, ChildPath ?? "");
        if (!Resolve)
        {
            WriteObject(joined);
            return;
        }

        foreach (var found in SessionState.Path.GetResolvedPSPathFromPSPath(joined))
        {
            WriteObject(found.Path);
        }
    }
}

/// <summary>Split-Path: one part of a path; the parent if none is named.</summary>
[Cmdlet(VerbsCommon.Split, "Path", DefaultParameterSetName = "ParentSet")]
[OutputType(typeof(string), typeof(bool))]
public sealed class SplitPathCommand : ProviderCommand
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string[] Path { get; set; } = [];

    [Parameter]
    public SwitchParameter Parent { get; set; }

    [Parameter(ParameterSetName = "LeafSet")]
    public SwitchParameter Leaf { get; set; }

    [Parameter(ParameterSetName = "QualifierSet")]
    public SwitchParameter Qualifier { get; set; }

    [Parameter(ParameterSetName = "NoQualifierSet")]
    public SwitchParameter NoQualifier { get; set; }

    [Parameter(ParameterSetName = "IsAbsoluteSet")]
    public SwitchParameter IsAbsolute { get; set; }

    [Parameter]
    public SwitchParameter Resolve { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var path in Path)
        {
            Attempt(() => Split(path));
        }
    }

    private void Split(string path)
    {
        foreach (var one in Resolve ? Expand(path, literal: false) : [path])
        {
            WriteObject(Part(one));
        }
    }

    private object Part(string path)
    {
        if (Leaf)
        {
            return SessionState.Path.ParseChildName(path);
        }

        if (IsAbsolute)
        {
            return SessionState.Path.IsPSAbsolute(path, out _);
        }

        if (!Qualifier && !NoQualifier)
        {
            return SessionState.Path.ParseParent(path, null);
        }

        var colon = path.IndexOf(':');
        if (NoQualifier)
        {
            return path[(colon + 1)..];
        }

        return colon > 0
            ? path[..(colon + 1)]
            : throw new PSArgumentException($"Cannot parse path because path '{path}' does not have a qualifier specified.");
    }
}

/// <summary>Resolve-Path: what a path or wildcard stands for; it must exist.</summary>
[Cmdlet(VerbsDiagnostic.Resolve, "Path", DefaultParameterSetName = "Path")]
public sealed class ResolvePathCommand : ProviderCommand
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Path", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string[] LiteralPath { get; set; } = [];

    [Parameter]
    public SwitchParameter Relative { get; set; }

    protected override void ProcessRecord()
    {
        var literal = ParameterSetName == "LiteralPath";
        foreach (var path in literal ? LiteralPath.Select(path => WildcardPattern.Escape(path)) : Path)
        {
            Attempt(() => Resolve(path));
        }
    }

    private void Resolve(string path)
    {
        foreach (var found in SessionState.Path.GetResolvedPSPathFromPSPath(path))
        {
            WriteObject(Relative ? RelativePath(found) : found);
        }
    }

    private object RelativePath(PathInfo found)
    {
        var relative = SessionState.Path.NormalizeRelativePath(found.Path, SessionState.Path.CurrentLocation.ProviderPath);
        return relative.StartsWith("..", StringComparison.Ordinal) || System.IO.Path.IsPathRooted(relative) ? relative : @".\" + relative;
    }
}

/// <summary>Convert-Path: a path in its provider's notation; it must exist.</summary>
[Cmdlet(VerbsData.Convert, "Path", DefaultParameterSetName = "Path")]
[OutputType(typeof(string))]
public sealed class ConvertPathCommand : ProviderCommand
{
    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Path", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string[] LiteralPath { get; set; } = [];

    protected override void ProcessRecord()
    {
        var literal = ParameterSetName == "LiteralPath";
        foreach (var path in literal ? LiteralPath.Select(path => WildcardPattern.Escape(path)) : Path)
        {
            Attempt(() => WriteObject(SessionState.Path.GetResolvedProviderPathFromPSPath(path, out _), enumerateCollection: true));
        }
    }
}
