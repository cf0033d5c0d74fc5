// Whether windows can be seen and reached from here.
namespace SmolVM.Desktop
{
    using System;
    using System.Diagnostics;
    using System.Linq;
    using System.Text;

    internal static class Seat
    {
        /// <summary>Refuse unless this process is on the desktop that is on the screen.</summary>
        internal static void Check()
        {
            if (Session.Shown != Session.Own || !Session.IsVisible)
            {
                string session = Session.Shown == null ? "none" : "session " + Session.Shown;
                throw new Refusal(
                    Refusal.NoDesktop,
                    "PowerShell runs in session " + Session.Own + (Session.IsVisible ? string.Empty : ", out of sight") + ", the screen shows " + session);
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
                bool asks = AsksForConsent;
                throw new Refusal(
                    Refusal.NoDesktop,
                    "the screen shows " + (name == null ? "a desktop that may not be opened" : "the desktop " + name) + ", programs are on "
                    + ours + ": it " + (asks ? "asks for consent" : "is locked"),
                    asks ? "consent" : "locked");
            }
        }

        /// <summary>Whether a prompt of User Account Control is shown: its program runs as long as it is.</summary>
        private static bool AsksForConsent
        {
            get { return Process.GetProcessesByName("consent").Any(each => each.SessionId == Session.Own); }
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
