using System;
using System.Collections;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Threading;
using System.Threading.Tasks;

namespace Microsoft.PowerShell.Commands;

/// <summary>
/// Start-Process: a program in a console of its own, so that its output is not seen here unless it is redirected to files
/// or <c>-NoNewWindow</c> is given.
/// </summary>
[Cmdlet(VerbsLifecycle.Start, "Process", SupportsShouldProcess = true)]
[OutputType(typeof(Process))]
public sealed class StartProcessCommand : PSCmdlet
{
    private readonly List<Task> _copies = [];

    [Parameter(Position = 0, Mandatory = true)]
    [Alias("PSPath", "Path")]
    public string FilePath { get; set; } = "";

    [Parameter(Position = 1)]
    [Alias("Args")]
    public string[] ArgumentList { get; set; } = [];

    [Parameter]
    public string? WorkingDirectory { get; set; }

    [Parameter]
    [Alias("nnw")]
    public SwitchParameter NoNewWindow { get; set; }

    [Parameter]
    public ProcessWindowStyle WindowStyle { get; set; } = ProcessWindowStyle.Normal;

    [Parameter]
    public SwitchParameter Wait { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    [Parameter]
    [Alias("RSI")]
    public string? RedirectStandardInput { get; set; }

    [Parameter]
    [Alias("RSO")]
    public string? RedirectStandardOutput { get; set; }

    [Parameter]
    [Alias("RSE")]
    public string? RedirectStandardError { get; set; }

    [Parameter]
    public string? Verb { get; set; }

    [Parameter]
    public Hashtable? Environment { get; set; }

    [Parameter]
    public PSCredential? Credential { get; set; }

    protected override void BeginProcessing()
    {
        if (Credential is not null)
        {
            throw new PSNotSupportedException("The practice guest has one user: Start-Process -Credential is not supported.");
        }

        var program = FindProgram();
        if (ShouldProcess(program))
        {
            Start(StartInfo(program));
        }
    }

    private string FindProgram() =>
        InvokeCommand.GetCommand(FilePath, CommandTypes.Application) is ApplicationInfo found ? found.Path : FilePath;

    private ProcessStartInfo StartInfo(string program)
    {
        var redirects = RedirectStandardInput is not null || RedirectStandardOutput is not null || RedirectStandardError is not null;
        var info = new ProcessStartInfo(program, string.Join(' ', ArgumentList))
        {
            WorkingDirectory = WorkingDirectory is null ? SessionState.Path.CurrentFileSystemLocation.ProviderPath : Resolve(WorkingDirectory),
            UseShellExecute = Verb is not null || !(IsProgram(program) || redirects || NoNewWindow),
            CreateNoWindow = !NoNewWindow,
            WindowStyle = WindowStyle,
            RedirectStandardInput = RedirectStandardInput is not null,
            RedirectStandardOutput = RedirectStandardOutput is not null,
            RedirectStandardError = RedirectStandardError is not null,
        };
        if (info.UseShellExecute)
        {
            info.Verb = Verb ?? "";
        }

        foreach (DictionaryEntry variable in Environment ?? [])
        {
            info.Environment[variable.Key.ToString()!] = variable.Value?.ToString();
        }

        return info;
    }

    private static bool IsProgram(string path) =>
        Path.GetExtension(path).ToLowerInvariant() is ".exe" or ".com" or ".bat" or ".cmd";

    private string Resolve(string path) => SessionState.Path.GetUnresolvedProviderPathFromPSPath(path);

    private void Start(ProcessStartInfo info)
    {
        Process? process;
        try
        {
            process = Process.Start(info);
        }
        catch (Exception error) when (error is Win32Exception or InvalidOperationException or FileNotFoundException)
        {
            var reason = error is Win32Exception win32 ? new Win32Exception(win32.NativeErrorCode).Message : error.Message;
            var refusal = new InvalidOperationException($"This command cannot be run due to the error: {reason}.".Replace("..", "."), error);
            ThrowTerminatingError(new ErrorRecord(refusal, "InvalidOperationException", ErrorCategory.InvalidOperation, null));
            return;
        }

        if (process is null)
        {
            return;
        }

        CopyStreams(process);
        if (PassThru)
        {
            _ = process.Handle; // without an open handle the exit code is lost when the process ends
            WriteObject(process);
        }

        if (Wait)
        {
            WaitFor(process);
        }
    }

    private void CopyStreams(Process process)
    {
        if (RedirectStandardOutput is not null)
        {
            _copies.Add(Copy(process.StandardOutput.BaseStream, RedirectStandardOutput));
        }

        if (RedirectStandardError is not null)
        {
            _copies.Add(Copy(process.StandardError.BaseStream, RedirectStandardError));
        }

        if (RedirectStandardInput is not null)
        {
            using var source = File.OpenRead(Resolve(RedirectStandardInput));
            using var target = process.StandardInput.BaseStream;
            source.CopyTo(target);
        }
    }

    private Task Copy(Stream source, string file)
    {
        var target = new FileStream(Resolve(file), FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 1);
        return Task.Run(() =>
        {
            using (target)
            {
                source.CopyTo(target);
            }
        });
    }

    private void WaitFor(Process process)
    {
        while (!Stopping && !process.WaitForExit(100))
        {
        }

        Task.WaitAll(_copies.ToArray());
    }
}
