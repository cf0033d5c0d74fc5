// How a script is run: in a runspace of its own that shares the host of powershell.exe. What call.ps1 does in a new one.
namespace SmolVM
{
    using System;
    using System.IO;
    using System.Management.Automation;
    using System.Management.Automation.Language;
    using System.Management.Automation.Runspaces;
    using System.Text.RegularExpressions;
    using System.Threading.Tasks;

    internal sealed class Call : IDisposable
    {
        /// <summary>
        /// Errors go to stderr unwrapped; all else is left to the real Out-Default. It must have this very name: only before
        /// something called Out-Default does the engine let native programs write to the process's own streams.
        /// </summary>
        internal static readonly string OutDefault = @"[CmdletBinding()]
param([switch] $Transcript, [Parameter(ValueFromPipeline)] [psobject] $InputObject)
begin {
    $ErrorActionPreference = 'Continue'
    $shown = { Microsoft.PowerShell.Core\Out-Default }.GetSteppablePipeline()
    $shown.Begin($true)
}
process {
    if ($InputObject -is [System.Management.Automation.ErrorRecord]) {
        [Console]::Error.Write((Microsoft.PowerShell.Utility\Out-String -InputObject $InputObject -Width WIDE) -replace 'TAIL')
    } else {
        $shown.Process($InputObject)
    }
}
end { $shown.End() }
".Replace("WIDE", Wide).Replace("TAIL", TailShown.Replace("'", "''"));

        private const string Succeeded = "smolvm"; // where a script's last $? is kept
        private const string Wide = "4096"; // columns for error text, so that nothing in it wraps

        // What is added to a script. Errors written by Write-Error quote the script they come from: this is taken out of them.
        private const string Tail = "\n[AppDomain]::CurrentDomain.SetData('" + Succeeded + "', $?)";
        private const string Show = @"param($record, $width, $hidden)
$text = ($record | Microsoft.PowerShell.Utility\Out-String -Width $width) -replace $hidden
# PowerShell 7 has nothing to show of a script that does not parse when it knows no place for it.
if (-not $text.Trim()) { $text = ""$($record.Exception.Message)`r`n"" }
[Console]::Error.Write($text)
";

        private static readonly Regex InputNamed = new Regex(@"\$\{?input\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
        private PowerShell shell;
        private bool failed;

        private Call(PowerShell shell, PSDataCollection<PSObject> lines, PSInvocationSettings settings)
        {
            this.shell = shell;
            this.Task = Begun(shell, lines, settings);
        }

        /// <summary>What is under way of it.</summary>
        internal Task Task { get; private set; }

        private static string TailShown
        {
            get { return @"\s*" + Regex.Escape(Tail.Trim()); }
        }

        /// <summary>Whether standard input is the script's $input: as with powershell.exe, if it says so; else it is left to its programs.</summary>
        internal static bool ReadsInput(string text)
        {
            return InputNamed.IsMatch(text);
        }

        /// <summary>Start a pipeline; a task for its end.</summary>
        internal static Task Begun(PowerShell shell, PSDataCollection<PSObject> lines, PSInvocationSettings settings)
        {
            return System.Threading.Tasks.Task.Factory.FromAsync<PSDataCollection<PSObject>>(
                shell.BeginInvoke(lines, settings, null, null), shell.EndInvoke);
        }

        internal static PSDataCollection<PSObject> NoInput()
        {
            var lines = new PSDataCollection<PSObject>();
            lines.Complete();
            return lines;
        }

        /// <summary>Start a script; it writes to the process's streams.</summary>
        /// <param name="input">What it is to read as $input, or null.</param>
        internal static Call Start(Runspace runspace, string text, object[] arguments, TextReader input)
        {
            runspace.SessionStateProxy.Path.SetLocation(Environment.CurrentDirectory);
            AppDomain.CurrentDomain.SetData(Succeeded, true);
            PowerShell shell = PowerShell.Create();
            shell.Runspace = runspace;
            shell.AddScript(IsPlain(text) ? text + Tail : text, false);
            foreach (object argument in arguments)
            {
                shell.AddArgument(argument);
            }

            shell.Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
            shell.AddCommand("Out-Default");
            var lines = new PSDataCollection<PSObject>();
            for (string line = Next(input); line != null; line = Next(input))
            {
                lines.Add(PSObject.AsPSObject(line));
            }

            lines.Complete();
            var settings = new PSInvocationSettings();
            settings.ExposeFlowControlExceptions = true; // `exit` must end the call, not this process
            return new Call(shell, lines, settings);
        }

        /// <summary>
        /// Take in that the task has ended. The exit code, or null if an error ended the script and is now being shown: then
        /// there is a new task to wait for.
        /// </summary>
        internal int? Step()
        {
            if (this.failed)
            {
                return 1;
            }

            if (this.Task.IsFaulted)
            {
                Exception reason = this.Task.Exception.InnerException;
                var exit = reason as ExitException;
                if (exit != null)
                {
                    return (int)LanguagePrimitives.ConvertTo(exit.Argument, typeof(int));
                }

                if (reason is PipelineStoppedException)
                {
                    return 1;
                }

                this.ShowError(reason);
                return null;
            }

            if (LanguagePrimitives.IsTrue(AppDomain.CurrentDomain.GetData(Succeeded)))
            {
                return 0;
            }

            // A script may give it any value.
            object native = this.shell.Runspace.SessionStateProxy.GetVariable("LASTEXITCODE");
            var wrapped = native as PSObject;
            int? code = (wrapped == null ? native : wrapped.BaseObject) as int?;
            return code == null || code == 0 ? 1 : code;
        }

        /// <summary>Ask it to end.</summary>
        internal void Stop()
        {
            this.shell.BeginStop(null, null);
        }

        public void Dispose()
        {
            Runspace runspace = this.shell.Runspace;
            this.shell.Dispose();

            // Closing alone would keep its thread. In the background, since it may wait for jobs and events of the script.
            System.Threading.Tasks.Task.Run(() => runspace.Dispose());
        }

        /// <summary>Whether a statement may be added at the end: not to what does not parse or has begin, process or end blocks.</summary>
        private static bool IsPlain(string text)
        {
            Token[] tokens;
            ParseError[] errors;
            ScriptBlockAst tree = Parser.ParseInput(text, out tokens, out errors);
            return errors.Length == 0 && tree.EndBlock != null && tree.EndBlock.Unnamed && tree.BeginBlock == null && tree.ProcessBlock == null;
        }

        private static string Next(TextReader input)
        {
            return input == null ? null : input.ReadLine();
        }

        private void ShowError(Exception reason)
        {
            var known = reason as RuntimeException;
            this.failed = true;
            PowerShell next = PowerShell.Create();
            next.Runspace = this.shell.Runspace;
            next.AddScript(Show).AddArgument(known == null ? (object)reason : known.ErrorRecord).AddArgument(int.Parse(Wide)).AddArgument(TailShown);
            this.shell = next;
            this.Task = Begun(next, NoInput(), new PSInvocationSettings());
        }
    }
}
