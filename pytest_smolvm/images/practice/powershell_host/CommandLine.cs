using System;
using System.Collections.Generic;
using System.Management.Automation.Runspaces;
using System.Text;
using System.Text.RegularExpressions;

namespace PracticeGuest;

/// <summary>What powershell.exe was asked to do.</summary>
internal enum StartMode
{
    Interactive,
    Command,
    EncodedCommand,
    File,
    StandardInput,
    Help,
}

/// <summary>A command line that powershell.exe refuses.</summary>
internal sealed class CommandLineException(string message) : Exception(message);

/// <summary>The command line of Windows PowerShell 5.1: parameter prefixes, <c>-</c> or <c>/</c>, bare words are a command.</summary>
internal sealed class CommandLine
{
    // Every parameter with the shortest prefix that Windows accepts for it, in the order in which Windows tries them.
    private static readonly (string Name, string Shortest)[] Parameters =
    [
        ("help", "h"), ("?", "?"), ("nologo", "nol"), ("noexit", "noe"), ("noprofile", "nop"), ("noninteractive", "noni"),
        ("sta", "sta"), ("mta", "mta"), ("command", "c"), ("windowstyle", "w"), ("file", "f"), ("executionpolicy", "ex"),
        ("ep", "ep"), ("outputformat", "o"), ("of", "of"), ("inputformat", "in"), ("if", "if"), ("encodedcommand", "e"),
        ("ec", "ec"), ("encodedarguments", "encodeda"), ("ea", "ea"), ("version", "v"), ("psconsolefile", "ps"),
        ("configurationname", "config"),
    ];

    private readonly Queue<string> _words;

    private CommandLine(IEnumerable<string> words) => _words = new Queue<string>(words);

    public StartMode Mode { get; private set; } = StartMode.Interactive;

    /// <summary>The script text, or the path of the script file.</summary>
    public string Script { get; private set; } = "";

    public List<CommandParameter> Arguments { get; } = [];

    public string? ExecutionPolicy { get; private set; }

    public bool NoLogo { get; private set; }

    public bool NoExit { get; private set; }

    public bool NoProfile { get; private set; }

    public bool NonInteractive { get; private set; }

    public bool SingleThreaded { get; private set; } = true;

    /// <summary><c>-OutputFormat XML</c>: objects leave as CLIXML.</summary>
    public bool XmlOutput { get; private set; }

    /// <summary><c>-InputFormat XML</c>: standard input is CLIXML.</summary>
    public bool XmlInput { get; private set; }

    public static CommandLine Parse(IEnumerable<string> words)
    {
        var line = new CommandLine(words);
        line.ReadParameters();
        return line;
    }

    private void ReadParameters()
    {
        while (_words.TryPeek(out var word))
        {
            var name = ParameterName(word.Trim());
            if (name is null)
            {
                ReadCommand(); // "The first parameter we fail to recognise marks the beginning of the command."
                return;
            }

            _words.Dequeue();
            if (ReadLastParameter(name))
            {
                return;
            }
        }
    }

    private static string? ParameterName(string word)
    {
        if (word.Length < 2 || !(IsDash(word[0]) || word[0] == '/'))
        {
            return null;
        }

        var key = word[1..].ToLowerInvariant();
        foreach (var (name, shortest) in Parameters)
        {
            if (key.Length >= shortest.Length && name.StartsWith(key, StringComparison.Ordinal))
            {
                return name;
            }
        }

        return null;
    }

    /// <summary>Reads one parameter; true when the rest of the line belongs to it.</summary>
    private bool ReadLastParameter(string name)
    {
        switch (name)
        {
            case "help" or "?":
                Mode = StartMode.Help;
                return true;
            case "command":
                RequireCommandWord();
                ReadCommand();
                return true;
            case "file":
                ReadFile();
                return true;
            case "encodedcommand" or "ec":
                ReadEncodedCommand();
                return false;
            default:
                ReadSetting(name);
                return false;
        }
    }

    private void ReadSetting(string name)
    {
        switch (name)
        {
            case "nologo": NoLogo = true; break;
            case "noexit": NoExit = true; break;
            case "noprofile": NoProfile = true; break;
            case "noninteractive": NonInteractive = true; break;
            case "sta": SingleThreaded = true; break;
            case "mta": SingleThreaded = false; break;
            case "executionpolicy" or "ep": ExecutionPolicy = Value("-ExecutionPolicy"); break;
            case "outputformat" or "of": XmlOutput = IsXml("-OutputFormat"); break;
            case "inputformat" or "if": XmlInput = IsXml("-InputFormat"); break;
            case "windowstyle": CheckWindowStyle(Value("-WindowStyle")); break;
            case "version": CheckVersion(Value("-Version")); break;
            default:
                throw new CommandLineException($"The practice guest's powershell.exe does not support the parameter -{name}.");
        }
    }

    private string Value(string parameter) =>
        _words.TryDequeue(out var value)
            ? value
            : throw new CommandLineException($"Cannot process the command because of a missing parameter. A value must follow {parameter}.");

    private bool IsXml(string parameter)
    {
        var value = Value(parameter);
        return value.ToLowerInvariant() switch
        {
            "xml" => true,
            "text" or "none" => false,
            _ => throw new CommandLineException(
                $"The value '{value}' is not valid for {parameter}. Specify one of the following values: Text, XML."),
        };
    }

    private static void CheckWindowStyle(string style)
    {
        if (style.ToLowerInvariant() is not ("normal" or "minimized" or "maximized" or "hidden"))
        {
            throw new CommandLineException(
                $"Cannot process argument -WindowStyle because the value '{style}' is not one of Normal, Minimized, Maximized, Hidden.");
        }
    }

    private static void CheckVersion(string version)
    {
        if (version.Split('.')[0] is not ("1" or "2" or "3" or "4" or "5"))
        {
            throw new CommandLineException($"Cannot start Windows PowerShell version {version} because it is not installed.");
        }
    }

    private void RequireCommandWord()
    {
        if (_words.Count == 0)
        {
            throw new CommandLineException(
                "Cannot process the command because of a missing parameter. A command must follow -Command.");
        }
    }

    private void ReadCommand()
    {
        Script = string.Join(' ', _words);
        Mode = StartMode.Command;
        if (Script.Trim() == "-")
        {
            Mode = StartMode.StandardInput;
        }
        else if (_words.Peek() == "-")
        {
            throw new CommandLineException(
                "'-' was specified with the -Command parameter; no other arguments to -Command are permitted.");
        }
    }

    private void ReadEncodedCommand()
    {
        try
        {
            Script = Encoding.Unicode.GetString(Convert.FromBase64String(Value("-EncodedCommand")));
        }
        catch (FormatException)
        {
            throw new CommandLineException(
                "Cannot process the command because the value specified with -EncodedCommand is not properly encoded. "
                + "The value must be Base64 encoded.");
        }

        Mode = StartMode.EncodedCommand;
    }

    private void ReadFile()
    {
        if (!_words.TryDequeue(out var path))
        {
            throw new CommandLineException("Cannot process the command because of a missing parameter. A file path must follow -File.");
        }

        if (path == "-")
        {
            Mode = StartMode.StandardInput;
            return;
        }

        Mode = StartMode.File;
        Script = ScriptFile.Resolve(path);
        ReadFileArguments();
    }

    /// <summary>Arguments stay strings; <c>-Name:value</c> is split, <c>$true</c> and <c>$false</c> become booleans after a colon.</summary>
    private void ReadFileArguments()
    {
        string? pending = null;
        foreach (var word in _words)
        {
            if (pending is not null)
            {
                Arguments.Add(new CommandParameter(pending, word));
                pending = null;
            }
            else if (word.Length > 0 && IsDash(word[0]) && Regex.IsMatch(word, @"^.\w+:"))
            {
                var (name, value) = (word[..word.IndexOf(':')], word[(word.IndexOf(':') + 1)..]);
                if (value.Length == 0)
                {
                    pending = name;
                }
                else
                {
                    Arguments.Add(new CommandParameter(name, SwitchValue(value)));
                }
            }
            else
            {
                Arguments.Add(word.Length > 0 && IsDash(word[0]) ? new CommandParameter(word) : new CommandParameter(null, word));
            }
        }
    }

    private static object SwitchValue(string value) => value.ToLowerInvariant() switch
    {
        "$true" => true,
        "$false" => false,
        _ => value,
    };

    // Windows takes the typographic dashes, too, because command lines are pasted from documents.
    private static bool IsDash(char c) => c is '-' or '\u2013' or '\u2014' or '\u2015';
}
