// The session that is on the screen, who is logged on there, and whether this process is in it.
namespace SmolVM.Desktop
{
    using System;
    using System.Runtime.InteropServices;
    using System.Security.Principal;
    using Microsoft.Win32;

    internal static class Session
    {
        private const int NoSession = -1; // of WTSGetActiveConsoleSessionId: one is being attached or let go

        /// <summary>This process's own.</summary>
        internal static int Own
        {
            get
            {
                int own;
                Native.ProcessIdToSessionId(Native.GetCurrentProcessId(), out own);
                return own;
            }
        }

        /// <summary>The one on the screen; null if there is none.</summary>
        internal static int? Shown
        {
            get
            {
                int shown = Native.WTSGetActiveConsoleSessionId();
                return shown == NoSession ? (int?)null : shown;
            }
        }

        /// <summary>
        /// Whether what this process shows can be seen: its window station is WinSta0. A service's is another, as
        /// Service-0x0-3e7$, and so is that of all that sshd starts.
        /// </summary>
        internal static bool IsVisible
        {
            get
            {
                const int Flags = 1;
                const int Visible = 1;
                var flags = new int[3]; // USEROBJECTFLAGS
                int got;
                return GetUserObjectInformationW(GetProcessWindowStation(), Flags, flags, 4 * flags.Length, out got)
                    && (flags[2] & Visible) != 0;
            }
        }

        /// <summary>All of this as JSON: the host decides.</summary>
        internal static string Look()
        {
            int? shown = Shown;
            return new Json()
                .Add("here", shown == Own && IsVisible)
                .Add("own", Own)
                .Add("shown", shown ?? 0)
                .Add("user", shown == null ? string.Empty : User(shown.Value))
                .Add("ours", WindowsIdentity.GetCurrent().Name)
                .Add("automatic", IsAutomatic)
                .Add("kept", Kept.Read(shown ?? 0))
                .ToString();
        }

        /// <summary>Whether somebody is logged on without being asked, as soon as Windows is up.</summary>
        private static bool IsAutomatic
        {
            get
            {
                const string Winlogon = @"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon";
                return (Registry.GetValue(Winlogon, "AutoAdminLogon", null) as string) == "1";
            }
        }

        /// <summary>Who is logged on there, as DOMAIN\name; empty: nobody, whose name is empty, too; null: Windows does not say.</summary>
        private static string User(int session)
        {
            const int UserName = 5;
            const int DomainName = 7;
            string name = Asked(session, UserName);
            return string.IsNullOrEmpty(name) ? name : Asked(session, DomainName) + @"\" + name;
        }

        private static string Asked(int session, int what)
        {
            IntPtr text;
            int size;
            if (!WTSQuerySessionInformationW(IntPtr.Zero, session, what, out text, out size))
            {
                return null;
            }

            try
            {
                return Marshal.PtrToStringUni(text);
            }
            finally
            {
                WTSFreeMemory(text);
            }
        }

        [DllImport("user32.dll")]
        private static extern IntPtr GetProcessWindowStation();

        [DllImport("user32.dll")]
        private static extern bool GetUserObjectInformationW(IntPtr item, int about, int[] flags, int size, out int needed);

        [DllImport("wtsapi32.dll")]
        private static extern bool WTSQuerySessionInformationW(IntPtr server, int session, int what, out IntPtr text, out int size);

        [DllImport("wtsapi32.dll")]
        private static extern void WTSFreeMemory(IntPtr memory);
    }
}
