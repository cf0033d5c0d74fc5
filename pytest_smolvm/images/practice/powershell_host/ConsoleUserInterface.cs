using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace PracticeGuest;

/// <summary>Writes what a script shows to the standard streams; error text goes to CLIXML when <paramref name="errors"/> is given.</summary>
internal sealed class ConsoleUserInterface(ClixmlStream? errors, bool nonInteractive) : PSHostUserInterface
{
    // As the field of Windows' console host is called, which keeps the first Console.Out that it wrote to.
    private TextWriter? _outputSerializer;

    public override PSHostRawUserInterface RawUI { get; } = new ConsoleRawInterface();

    /// <summary>5.1 formats without colour sequences; the engine puts them into table headings and leaves it to the host.</summary>
    public override void Write(string value) => Output.Write(GetOutputString(value, supportsVirtualTerminal: false));

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Write(value);

    public override void WriteLine(string value) => Write(value + Environment.NewLine);

    public override void WriteErrorLine(string value)
    {
        if (errors is null)
        {
            Console.Error.WriteLine(value);
        }
        else
        {
            errors.Write(value + Environment.NewLine, "Error");
        }
    }

    public override void WriteWarningLine(string message) => WriteLabelled("warning", "WARNING: ", message);

    public override void WriteVerboseLine(string message) => WriteLabelled("verbose", "VERBOSE: ", message);

    public override void WriteDebugLine(string message) => WriteLabelled("debug", "DEBUG: ", message);

    public override void WriteInformation(InformationRecord record) => errors?.Write(record, "information");

    /// <summary>A redirected console shows no progress bar; a caller that reads CLIXML gets the record.</summary>
    public override void WriteProgress(long sourceId, ProgressRecord record)
    {
        if (errors is not null)
        {
            var entry = new PSObject();
            entry.Properties.Add(new PSNoteProperty("SourceId", sourceId));
            entry.Properties.Add(new PSNoteProperty("Record", record));
            errors.Write(entry, "progress");
        }
    }

    public override string ReadLine()
    {
        RequireInteraction();
        return Console.In.ReadLine() ?? "";
    }

    public override SecureString ReadLineAsSecureString()
    {
        var secret = new SecureString();
        foreach (var c in ReadLine())
        {
            secret.AppendChar(c);
        }

        return secret;
    }

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions)
    {
        RequireInteraction();
        ShowQuestion(caption, message);
        var answers = new Dictionary<string, PSObject>();
        foreach (var field in descriptions)
        {
            Write($"{field.Name}: ");
            answers[field.Name] = PSObject.AsPSObject(ReadLine());
        }

        return answers;
    }

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        RequireInteraction();
        ShowQuestion(caption, message);
        for (var i = 0; i < choices.Count; i++)
        {
            WriteLine($"[{i}] {choices[i].Label.Replace("&", "")}");
        }

        var answer = ReadLine();
        return int.TryParse(answer, out var chosen) && chosen >= 0 && chosen < choices.Count ? chosen : defaultChoice;
    }

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        PromptForCredential(caption, message, userName, targetName, default, default);

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options)
    {
        RequireInteraction();
        ShowQuestion(caption, message);
        Write("Password: ");
        return new PSCredential(userName, ReadLineAsSecureString());
    }

    private TextWriter Output => Console.IsInputRedirected ? (_outputSerializer ??= Console.Out) : Console.Out;

    private void WriteLabelled(string stream, string label, string message)
    {
        if (errors is null)
        {
            WriteLine(label + message); // Windows' console host shows these on standard output
        }
        else
        {
            errors.Write(message, stream);
        }
    }

    private void ShowQuestion(string caption, string message)
    {
        WriteLine("");
        WriteLine(caption);
        WriteLine(message);
    }

    private void RequireInteraction()
    {
        if (nonInteractive)
        {
            throw new PSInvalidOperationException(
                "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.");
        }
    }
}
