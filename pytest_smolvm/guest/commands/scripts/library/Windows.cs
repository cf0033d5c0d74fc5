// What .NET does not offer of Windows.
namespace SmolVM
{
    using System;
    using System.Net.Sockets;
    using System.Runtime.InteropServices;
    using System.Text;

    internal static class Windows
    {
        internal const int StandardInput = -10;
        internal const int StandardOutput = -11;
        internal const int StandardError = -12;
        private const int Inherit = 1;

        /// <summary>The handle that always means the calling process.</summary>
        internal static readonly IntPtr Self = new IntPtr(-1);

        internal static readonly int[] StandardStreams = { StandardInput, StandardOutput, StandardError };

        [DllImport("kernel32.dll")]
        internal static extern IntPtr GetStdHandle(int which);

        [DllImport("kernel32.dll")]
        internal static extern bool SetStdHandle(int which, IntPtr handle);

        [DllImport("kernel32.dll")]
        internal static extern bool CloseHandle(IntPtr handle);

        [DllImport("kernel32.dll")]
        internal static extern int WaitForSingleObject(IntPtr handle, int milliseconds);

        [DllImport("kernel32.dll")]
        internal static extern bool GetExitCodeProcess(IntPtr process, out uint code);

        [DllImport("kernel32.dll")]
        internal static extern bool TerminateProcess(IntPtr process, int code);

        [DllImport("kernel32.dll")]
        internal static extern IntPtr CreateJobObjectW(IntPtr security, IntPtr name);

        [DllImport("kernel32.dll")]
        internal static extern bool SetInformationJobObject(IntPtr job, int about, byte[] information, int size);

        [DllImport("kernel32.dll")]
        internal static extern bool QueryInformationJobObject(IntPtr job, int about, byte[] information, int size, IntPtr got);

        [DllImport("kernel32.dll")]
        internal static extern bool AssignProcessToJobObject(IntPtr job, IntPtr process);

        [DllImport("kernel32.dll")]
        internal static extern bool IsProcessInJob(IntPtr process, IntPtr job, out bool inside);

        [DllImport("kernel32.dll")]
        internal static extern IntPtr GetEnvironmentStringsW();

        [DllImport("kernel32.dll")]
        internal static extern bool FreeEnvironmentStringsW(IntPtr block);

        [DllImport("kernel32.dll")]
        internal static extern bool SetEnvironmentStringsW(IntPtr block);

        /// <summary>
        /// Set a variable; null deletes it. An empty value is one, as it is for Windows: .NET Framework deletes there, too.
        /// </summary>
        [DllImport("kernel32.dll", CharSet = CharSet.Unicode)]
        internal static extern bool SetEnvironmentVariableW(string name, string value);

        [DllImport("advapi32.dll")]
        internal static extern int RegNotifyChangeKeyValue(IntPtr key, bool below, int what, IntPtr happened, bool later);

        /// <summary>Keep a handle from the programs that are started from now on.</summary>
        internal static void Hide(IntPtr handle)
        {
            SetHandleInformation(handle, Inherit, 0);
        }

        /// <summary>
        /// Keep a socket from them. .NET Framework asks Windows for sockets that every program inherits which is started
        /// while they are open: one that outlives us would hold our port, and a connection that nobody answers.
        /// </summary>
        internal static void Hide(Socket socket)
        {
            Hide(socket.Handle);
        }

        internal static void HideStandardStreams()
        {
            foreach (int which in StandardStreams)
            {
                Hide(GetStdHandle(which));
            }
        }

        /// <summary>A file's handle that programs inherit.</summary>
        internal static IntPtr OpenInherited(string path, uint access, int disposition)
        {
            const int ShareReadingAndWriting = 3;
            IntPtr handle = CreateFileW(path, access, ShareReadingAndWriting, IntPtr.Zero, disposition, 0, IntPtr.Zero);
            if (handle == new IntPtr(-1))
            {
                throw new InvalidOperationException("Windows could not open " + path);
            }

            SetHandleInformation(handle, Inherit, Inherit);
            return handle;
        }

        /// <summary>
        /// Start a program outside of our job, so that it outlives us, with no console window and none of our own streams:
        /// an inherited stream would hold the session's channel open (Win32-OpenSSH 2452). Returns its handle.
        /// </summary>
        internal static IntPtr Start(string line, IntPtr input, IntPtr output)
        {
            const int UseStreams = 0x100;
            const int BreakawayFromJob = 0x01000000;
            const int NoWindow = 0x08000000;
            HideStandardStreams();
            var startup = new StartupInformation();
            startup.Size = Marshal.SizeOf(typeof(StartupInformation));
            startup.Flags = UseStreams;
            startup.Input = input;
            startup.Output = startup.Error = output;
            ProcessInformation started;
            bool done = CreateProcessW(
                null, new StringBuilder(line), IntPtr.Zero, IntPtr.Zero, true, BreakawayFromJob | NoWindow, IntPtr.Zero, null, ref startup, out started);
            if (!done)
            {
                throw new InvalidOperationException("Windows could not start it, as one that is not there or that the user may not run: " + line);
            }

            CloseHandle(started.Thread);
            return started.Process;
        }

        /// <summary>Set the clock; false if we may not.</summary>
        /// <param name="filetime">100 ns since 1601 UTC.</param>
        internal static bool SetClock(long filetime)
        {
            DateTime time = DateTime.FromFileTimeUtc(filetime);
            int[] values = { time.Year, time.Month, (int)time.DayOfWeek, time.Day, time.Hour, time.Minute, time.Second, time.Millisecond };
            return SetSystemTime(Array.ConvertAll(values, value => (ushort)value));
        }

        [DllImport("kernel32.dll")]
        private static extern bool SetHandleInformation(IntPtr handle, int mask, int flags);

        [DllImport("kernel32.dll", CharSet = CharSet.Unicode)]
        private static extern IntPtr CreateFileW(
            string path, uint access, int share, IntPtr security, int disposition, int flags, IntPtr template);

        [DllImport("kernel32.dll", CharSet = CharSet.Unicode)]
        private static extern bool CreateProcessW(
            string program,
            StringBuilder line,
            IntPtr process,
            IntPtr thread,
            bool inherit,
            int flags,
            IntPtr environment,
            string directory,
            ref StartupInformation startup,
            out ProcessInformation started);

        [DllImport("kernel32.dll")]
        private static extern bool SetSystemTime(ushort[] time);

        [StructLayout(LayoutKind.Sequential)]
        private struct StartupInformation
        {
            internal int Size;
            internal IntPtr Reserved, Desktop, Title;
            internal int X, Y, Width, Height, Columns, Rows, Fill, Flags;
            internal short Show, MoreSize;
            internal IntPtr More, Input, Output, Error;
        }

        [StructLayout(LayoutKind.Sequential)]
        private struct ProcessInformation
        {
            internal IntPtr Process, Thread;
            internal int ProcessId, ThreadId;
        }
    }
}
