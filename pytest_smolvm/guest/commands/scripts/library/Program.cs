// What is run in the guest: this PowerShell, and residents, which are more of its kind.
namespace SmolVM
{
    using System;
    using System.Diagnostics;
    using System.IO;
    using System.Reflection;

    internal static class Program
    {
        /// <summary>By their environment, which other users cannot see, rather than by their command line, which they can.</summary>
        private const string Seat = "SMOLVM_RESIDENT";

        /// <summary>The program that runs this.</summary>
        internal static readonly string PowerShell = Process.GetCurrentProcess().MainModule.FileName;

        /// <summary>What residents say before they have streams of their own, and why they ended.</summary>
        internal static readonly string Log = Path.Combine(Folder, "resident.log");

        private static string Folder
        {
            get { return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "pytest-smolvm"); }
        }

        /// <summary>
        /// Start a resident and return its process. What it says goes to the end of a file: a file, since Windows PowerShell
        /// takes NUL for a console and would go on writing there, and since nobody would learn why it did not start.
        /// </summary>
        internal static IntPtr StartResident(string secret, int port, int reportTo)
        {
            const uint ReadAndWrite = 0xC0000000;
            const uint Append = 4;
            const int OpenExisting = 3;
            const int OpenAlways = 4;
            Windows.SetEnvironmentVariableW(Seat, secret + " " + port + " " + reportTo);
            IntPtr nul = Windows.OpenInherited("NUL", ReadAndWrite, OpenExisting);
            IntPtr log = Windows.OpenInherited(Log, Append, OpenAlways);
            try
            {
                return Windows.Start(Line(), nul, log);
            }
            finally
            {
                Windows.CloseHandle(nul);
                Windows.CloseHandle(log);
            }
        }

        /// <summary>What the one that started us has given us: the secret, our port, the port to report to.</summary>
        internal static string[] TakeSeat()
        {
            string[] words = (Environment.GetEnvironmentVariable(Seat) ?? string.Empty).Split(' ');
            Environment.SetEnvironmentVariable(Seat, null);
            return words;
        }

        /// <summary>With -Command and not -File, whatever is said on the command line: a policy set for the machine rules files.</summary>
        private static string Line()
        {
            string library = Assembly.GetExecutingAssembly().Location.Replace("'", "''");
            return "\"" + PowerShell + "\" -NoProfile -NonInteractive -ExecutionPolicy Bypass -Command "
                + "\"$null = [Reflection.Assembly]::LoadFrom('" + library + "'); [SmolVM.Server]::Run($Host)\"";
        }
    }
}
