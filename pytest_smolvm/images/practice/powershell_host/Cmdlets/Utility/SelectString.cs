using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace Microsoft.PowerShell.Commands;

/// <summary>The lines around a match.</summary>
public sealed class MatchInfoContext
{
    public string[] PreContext { get; set; } = [];

    public string[] PostContext { get; set; } = [];

    public string[] DisplayPreContext { get; set; } = [];

    public string[] DisplayPostContext { get; set; } = [];
}

/// <summary>One line that Select-String found.</summary>
public sealed class MatchInfo
{
    public bool IgnoreCase { get; set; }

    public int LineNumber { get; set; }

    public string Line { get; set; } = "";

    public string Filename => Path == "InputStream" ? Path : System.IO.Path.GetFileName(Path);

    public string Path { get; set; } = "InputStream";

    public string Pattern { get; set; } = "";

    public MatchInfoContext? Context { get; set; }

    public Match[] Matches { get; set; } = [];

    public string ToString(string directory)
    {
        var shown = Path.StartsWith(directory, StringComparison.OrdinalIgnoreCase) ? System.IO.Path.GetRelativePath(directory, Path) : Path;
        return Text(shown);
    }

    /// <summary>What the engine's view shows; 5.1 has no emphasis.</summary>
    public string ToEmphasizedString(string directory) => ToString(directory);

    public override string ToString() => Text(Path);

    private string Text(string path)
    {
        var at = path == "InputStream" ? "" : $"{path}:{LineNumber}:";
        if (Context is null)
        {
            return at + Line;
        }

        var number = LineNumber - Context.DisplayPreContext.Length;
        var before = Context.DisplayPreContext.Select(line => Around(path, number++, line)).ToList();
        number = LineNumber + 1;
        var after = Context.DisplayPostContext.Select(line => Around(path, number++, line));
        return string.Join(Environment.NewLine, before.Append("> " + at + Line).Concat(after));
    }

    private static string Around(string path, int number, string line) =>
        path == "InputStream" ? "  " + line : $"  {path}:{number}:{line}";
}

/// <summary>Select-String: lines of files or of the input that match a pattern.</summary>
[Cmdlet(VerbsCommon.Select, "String", DefaultParameterSetName = "File")]
[OutputType(typeof(MatchInfo), typeof(bool))]
public sealed class SelectStringCommand : PSCmdlet
{
    private readonly List<string> _input = [];
    private bool _quietFound;

    [Parameter(Mandatory = true, ParameterSetName = "Object", ValueFromPipeline = true)]
    [AllowNull]
    [AllowEmptyString]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0, Mandatory = true)]
    public string[] Pattern { get; set; } = [];

    [Parameter(Position = 1, Mandatory = true, ParameterSetName = "File", ValueFromPipelineByPropertyName = true)]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = "LiteralFile", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string[]? LiteralPath { get; set; }

    [Parameter]
    public SwitchParameter SimpleMatch { get; set; }

    [Parameter]
    public SwitchParameter CaseSensitive { get; set; }

    [Parameter]
    public SwitchParameter Quiet { get; set; }

    [Parameter]
    public SwitchParameter List { get; set; }

    [Parameter]
    public string[] Include { get; set; } = [];

    [Parameter]
    public string[] Exclude { get; set; } = [];

    [Parameter]
    public SwitchParameter NotMatch { get; set; }

    [Parameter]
    public SwitchParameter AllMatches { get; set; }

    [Parameter]
    public FileSystemCmdletProviderEncoding Encoding { get; set; } = FileSystemCmdletProviderEncoding.UTF8;

    [Parameter]
    [ValidateCount(1, 2)]
    public int[]? Context { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject?.BaseObject is FileInfo file)
        {
            Search(file.FullName, ReadLines(file.FullName));
        }
        else if (ParameterSetName == "Object")
        {
            _input.AddRange(LanguagePrimitives.ConvertTo<string>(InputObject) is { } text ? [text] : []);
        }
        else
        {
            SearchFiles();
        }
    }

    protected override void EndProcessing()
    {
        if (_input.Count > 0)
        {
            Search("InputStream", _input);
        }

        if (Quiet)
        {
            WriteObject(_quietFound);
        }
    }

    private void SearchFiles()
    {
        foreach (var file in (LiteralPath ?? Path).SelectMany(path => SourceFile.Resolve(this, path, LiteralPath is not null)))
        {
            var name = System.IO.Path.GetFileName(file);
            if (!Directory.Exists(file) && (Include.Length == 0 || Matches(Include, name)) && !Matches(Exclude, name))
            {
                Search(file, ReadLines(file));
            }
        }
    }

    private static bool Matches(string[] patterns, string name) =>
        patterns.Any(pattern => WildcardPattern.Get(pattern, WildcardOptions.IgnoreCase).IsMatch(name));

    private List<string> ReadLines(string file)
    {
        using var reader = new StreamReader(TextEncoding.Open(file), TextEncoding.Of(Encoding), detectEncodingFromByteOrderMarks: true);
        var lines = new List<string>();
        while (reader.ReadLine() is { } line)
        {
            lines.Add(line);
        }

        return lines;
    }

    private void Search(string path, List<string> lines)
    {
        for (var i = 0; i < lines.Count; i++)
        {
            if (Find(lines[i]) is not { } found)
            {
                continue;
            }

            _quietFound = true;
            if (Quiet)
            {
                return;
            }

            found.Path = path;
            found.LineNumber = i + 1;
            found.Context = Surroundings(lines, i);
            WriteObject(found);
            if (List)
            {
                return;
            }
        }
    }

    private MatchInfo? Find(string line)
    {
        foreach (var pattern in Pattern)
        {
            var matches = MatchesOf(pattern, line);
            if (matches is null == NotMatch)
            {
                return new MatchInfo { Line = line, Pattern = pattern, IgnoreCase = !CaseSensitive, Matches = matches ?? [] };
            }
        }

        return null;
    }

    private Match[]? MatchesOf(string pattern, string line)
    {
        if (SimpleMatch)
        {
            return line.Contains(pattern, CaseSensitive ? StringComparison.CurrentCulture : StringComparison.CurrentCultureIgnoreCase) ? [] : null;
        }

        var regex = new Regex(pattern, CaseSensitive ? RegexOptions.None : RegexOptions.IgnoreCase);
        var found = AllMatches ? regex.Matches(line).ToArray() : new[] { regex.Match(line) }.Where(match => match.Success).ToArray();
        return found.Length == 0 ? null : found;
    }

    private MatchInfoContext? Surroundings(List<string> lines, int at)
    {
        if (Context is null)
        {
            return null;
        }

        var first = Math.Max(at - Context[0], 0);
        var pre = lines.GetRange(first, at - first).ToArray();
        var post = lines.Skip(at + 1).Take(Context[^1]).ToArray();
        return new MatchInfoContext { PreContext = pre, PostContext = post, DisplayPreContext = pre, DisplayPostContext = post };
    }
}
