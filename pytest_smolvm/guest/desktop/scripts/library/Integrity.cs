// Whether Windows lets this process drive the windows of another.
namespace SmolVM.Desktop
{
    using System;
    using System.Runtime.InteropServices;

    internal static class Integrity
    {
        /// <summary>
        /// Refuse if the window's program has higher integrity: keys, clicks and most messages of ours would be dropped
        /// without a word (User Interface Privilege Isolation, since Windows Vista). Windows says that of every process whose
        /// token we may read; of others nothing is known, and nothing is refused.
        /// </summary>
        internal static void Check(IntPtr window)
        {
            int process;
            Native.GetWindowThreadProcessId(window, out process);
            int? theirs = Level(process);
            int? ours = Level(Native.GetCurrentProcessId());
            if (theirs > ours)
            {
                throw new Refusal(
                    Refusal.NoDesktop,
                    "the window's program, process " + process + ", has higher integrity (" + theirs + ") than PowerShell has here (" + ours
                    + "), and Windows keeps input of ours from it",
                    "integrity");
            }
        }

        /// <summary>4096 is low, 8192 an ordinary program's, 12288 an administrator's, 16384 the system's.</summary>
        private static int? Level(int process)
        {
            const int QueryLimitedInformation = 0x1000;
            IntPtr handle = Native.OpenProcess(QueryLimitedInformation, false, process);
            IntPtr token = IntPtr.Zero;
            const int Query = 8;
            try
            {
                return OpenProcessToken(handle, Query, out token) ? Of(token) : null;
            }
            finally
            {
                Native.CloseHandle(token);
                Native.CloseHandle(handle);
            }
        }

        private static int? Of(IntPtr token)
        {
            const int IntegrityLevel = 25;
            IntPtr label = Marshal.AllocHGlobal(256); // TOKEN_MANDATORY_LABEL: a pointer to a SID, which follows it
            try
            {
                int size;
                if (!GetTokenInformation(token, IntegrityLevel, label, 256, out size))
                {
                    return null;
                }

                return Marshal.ReadInt32(GetSidSubAuthority(Marshal.ReadIntPtr(label), 0));
            }
            finally
            {
                Marshal.FreeHGlobal(label);
            }
        }

        [DllImport("advapi32.dll")]
        private static extern bool OpenProcessToken(IntPtr process, int access, out IntPtr token);

        [DllImport("advapi32.dll")]
        private static extern bool GetTokenInformation(IntPtr token, int about, IntPtr information, int size, out int needed);

        [DllImport("advapi32.dll")]
        private static extern IntPtr GetSidSubAuthority(IntPtr sid, int which);
    }
}
