// Whether windows can be seen and reached from here.
namespace SmolVM.Desktop
{
    using System;
    using System.Text;

    internal static class Seat
    {
        /// <summary>Refuse unless this process is on the desktop that is on the screen.</summary>
        internal static void Check()
        {
            const int NoConsole = -1;
            int own;
            Native.ProcessIdToSessionId(Native.GetCurrentProcessId(), out own);
            int console = Native.WTSGetActiveConsoleSessionId();
            if (console == NoConsole || own != console)
            {
                throw new Refusal(
                    Refusal.NoDesktop,
                    "PowerShell runs in session " + own + ", the screen shows " + (console == NoConsole ? "none" : "session " + console));
            }

            const int ReadObjects = 1;
            IntPtr shown = Native.OpenInputDesktop(0, false, ReadObjects);
            string name = Name(shown);
            string ours = Name(Native.GetThreadDesktop(Native.GetCurrentThreadId()));
            if (shown != IntPtr.Zero)
            {
                Native.CloseDesktop(shown);
            }

            if (name != ours)
            {
                throw new Refusal(
                    Refusal.NoDesktop,
                    "the screen shows " + (name == null ? "a desktop that may not be opened" : "the desktop " + name) + ", programs are on "
                    + ours + ": it is locked, or asks for consent");
            }
        }

        private static string Name(IntPtr desktop)
        {
            const int NameOf = 2;
            var name = new StringBuilder(256);
            int needed;
            return Native.GetUserObjectInformationW(desktop, NameOf, name, 2 * name.Capacity, out needed) ? name.ToString() : null;
        }
    }
}
