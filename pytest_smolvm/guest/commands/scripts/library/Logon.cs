// The environment of a new logon.
namespace SmolVM
{
    using System;
    using System.Collections;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.IO;
    using System.Linq;
    using System.Runtime.InteropServices;
    using System.Text;
    using System.Threading;
    using System.Threading.Tasks;
    using Microsoft.Win32;

    /// <summary>
    /// What the process was given by its own, and above it what the registry holds now. Made by the thread that asks: Windows
    /// tells of changes only as long as the one that wanted to know lives.
    /// </summary>
    internal sealed class Logon
    {
        // Milliseconds for a PowerShell that starts, on an emulated processor that others use, too.
        private const int Patience = 300000;
        private const string ModulePath = "PSModulePath";

        // A logon sets the first two itself; PowerShell puts folders of its own into the third when it starts.
        private static readonly string[] Kept = { "USERNAME", "PROCESSOR_ARCHITECTURE", ModulePath };
        private readonly List<Place> places = new List<Place>();
        private readonly Dictionary<string, string> given = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        private string logonModulePath;
        private string modulePath = Environment.GetEnvironmentVariable(ModulePath);
        private IntPtr clean = IntPtr.Zero;

        internal Logon()
        {
            this.Add(Registry.LocalMachine, @"SYSTEM\CurrentControlSet\Control\Session Manager\Environment");
            this.Add(Registry.CurrentUser, "Environment");
            var stored = new HashSet<string>(
                this.Stored().Select(one => one.Name).Where(name => !IsKept(name)), StringComparer.OrdinalIgnoreCase);
            foreach (DictionaryEntry one in Environment.GetEnvironmentVariables())
            {
                if (!stored.Contains((string)one.Key))
                {
                    this.given[(string)one.Key] = (string)one.Value;
                }
            }

            this.logonModulePath = this.LogonModulePath();
        }

        /// <summary>Make the environment anew if what it is made of has changed.</summary>
        internal void Update()
        {
            if (!this.Changed() && this.clean != IntPtr.Zero)
            {
                return;
            }

            this.Set();
            if (this.clean != IntPtr.Zero)
            {
                Marshal.FreeHGlobal(this.clean);
            }

            this.clean = Copy();
        }

        /// <summary>Undo what a call has changed. At once, since one variable after another takes long on an emulated processor.</summary>
        internal void Restore()
        {
            if (!Windows.SetEnvironmentStringsW(this.clean))
            {
                this.Set();
            }
        }

        /// <summary>Undo what a runspace does to it that is opened: it puts in folders as if it were the first.</summary>
        internal void RestoreModulePath()
        {
            Windows.SetEnvironmentVariableW(ModulePath, this.modulePath);
        }

        private static bool IsKept(string name)
        {
            return Kept.Contains(name, StringComparer.OrdinalIgnoreCase);
        }

        /// <summary>
        /// The environment as one block, in memory of its own. Without the current directories of drives, whose names begin
        /// with "=": Windows does not take those back, and they are an earlier call's.
        /// </summary>
        private static IntPtr Copy()
        {
            IntPtr first = Windows.GetEnvironmentStringsW();
            var block = new StringBuilder();
            IntPtr at = first;
            for (string entry = Marshal.PtrToStringUni(at); entry.Length > 0; entry = Marshal.PtrToStringUni(at))
            {
                if (entry[0] != '=')
                {
                    block.Append(entry).Append('\0');
                }

                at = IntPtr.Add(at, 2 * (entry.Length + 1));
            }

            Windows.FreeEnvironmentStringsW(first);
            return Marshal.StringToHGlobalUni(block.Append('\0').ToString());
        }

        private void Add(RegistryKey hive, string path)
        {
            RegistryKey key = hive.OpenSubKey(path);
            if (key != null)
            {
                this.places.Add(new Place { Key = key });
            }
        }

        /// <summary>Whether the stores have changed since the last look.</summary>
        private bool Changed()
        {
            const int NamesAndValues = 5;
            bool changed = false;
            foreach (Place place in this.places.Where(one => one.Changed.WaitOne(0)))
            {
                changed = true;
                place.Changed.Reset();
                IntPtr happened = place.Changed.SafeWaitHandle.DangerousGetHandle();

                // If Windows refuses, the event is set for good and we read the store every time.
                if (Windows.RegNotifyChangeKeyValue(place.Key.Handle.DangerousGetHandle(), false, NamesAndValues, happened, true) != 0)
                {
                    place.Changed.Set();
                }
            }

            return changed;
        }

        /// <summary>
        /// The stored variables, in the order in which a logon sets them: the machine's, then the user's, which win; of each
        /// the plain ones first, so that the others may refer to them.
        /// </summary>
        private IEnumerable<Variable> Stored()
        {
            foreach (Place place in this.places)
            {
                var expanded = new List<Variable>();
                foreach (string name in place.Key.GetValueNames())
                {
                    Variable one = Read(place, name);
                    if (one != null && one.Expands)
                    {
                        expanded.Add(one);
                    }
                    else if (one != null)
                    {
                        yield return one;
                    }
                }

                foreach (Variable one in expanded)
                {
                    yield return one;
                }
            }
        }

        private static Variable Read(Place place, string name)
        {
            // A key's default value has no name.
            if (name.Length == 0 || name.Contains("="))
            {
                return null;
            }

            RegistryValueKind kind;
            object value = place.Key.GetValue(name, null, RegistryValueOptions.DoNotExpandEnvironmentNames);
            try
            {
                kind = place.Key.GetValueKind(name);
            }
            catch (IOException)
            {
                return null; // deleted since it was listed
            }

            if (kind != RegistryValueKind.ExpandString && kind != RegistryValueKind.String)
            {
                return null;
            }

            // Windows expands a PATH of either type.
            bool expands = kind == RegistryValueKind.ExpandString || name.Equals("Path", StringComparison.OrdinalIgnoreCase);
            return new Variable { Name = name, Value = (value as string) ?? string.Empty, Place = place, Expands = expands };
        }

        private void Set()
        {
            foreach (string name in Environment.GetEnvironmentVariables().Keys.Cast<string>().ToList())
            {
                if (!this.given.ContainsKey(name))
                {
                    Environment.SetEnvironmentVariable(name, null);
                }
            }

            foreach (KeyValuePair<string, string> one in this.given)
            {
                Windows.SetEnvironmentVariableW(one.Key, one.Value);
            }

            var paths = new Dictionary<Place, string>();
            foreach (Variable one in this.Stored().Where(one => !IsKept(one.Name)))
            {
                string value = one.Expanded;
                if (one.Name.Equals("Path", StringComparison.OrdinalIgnoreCase))
                {
                    // The machine's, then the user's.
                    paths[one.Place] = value;
                    value = string.Join(";", this.places.Where(paths.ContainsKey).Select(place => paths[place]).Where(path => path.Length > 0));
                }

                Windows.SetEnvironmentVariableW(one.Name, value); // refused where no variable can be what the registry has
            }

            this.SetModulePath();
        }

        /// <summary>
        /// PSModulePath as a new PowerShell has it. It is asked for that only if a logon sets another than before, as once
        /// somebody has installed a product with modules.
        /// </summary>
        private void SetModulePath()
        {
            string logon = this.LogonModulePath();
            if (logon != this.logonModulePath)
            {
                this.logonModulePath = logon;
                this.modulePath = MadeOf(logon);
            }

            this.RestoreModulePath();
        }

        /// <summary>What a logon sets it to: the user's value, else the machine's; nothing if it sets none.</summary>
        private string LogonModulePath()
        {
            Variable last = this.Stored().LastOrDefault(one => one.Name.Equals(ModulePath, StringComparison.OrdinalIgnoreCase));
            return last == null ? string.Empty : last.Expanded;
        }

        /// <summary>What a PowerShell that is started now makes of it; the value itself if it does not say.</summary>
        private static string MadeOf(string logon)
        {
            const string Code = "[Console]::Out.Write([Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($env:PSModulePath)))";
            Environment.SetEnvironmentVariable(ModulePath, logon.Length > 0 ? logon : null);
            var start = new ProcessStartInfo(Program.PowerShell, "-NoProfile -NonInteractive -Command \"" + Code + "\"");
            start.UseShellExecute = false;
            start.CreateNoWindow = true;
            start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
            using (Process process = Process.Start(start))
            {
                process.StandardInput.Close();
                process.BeginErrorReadLine();
                Task<string> said = process.StandardOutput.ReadToEndAsync();
                if (!said.Wait(Patience))
                {
                    process.Kill();
                    return logon;
                }

                try
                {
                    return Encoding.Unicode.GetString(Convert.FromBase64String(said.Result));
                }
                catch (FormatException)
                {
                    return logon;
                }
            }
        }

        /// <summary>One of the two places where variables are stored, with an event that comes when anything in it changes.</summary>
        private sealed class Place
        {
            internal readonly ManualResetEvent Changed = new ManualResetEvent(true);
            internal RegistryKey Key;
        }

        private sealed class Variable
        {
            internal string Name, Value;
            internal Place Place;
            internal bool Expands;

            internal string Expanded
            {
                get { return this.Expands ? Environment.ExpandEnvironmentVariables(this.Value) : this.Value; }
            }
        }
    }
}
