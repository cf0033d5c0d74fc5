// Does once what actions do, with windows of its own: .NET compiles each function when it is used for the first time, and a
// guest that is frozen after that has it done.
namespace SmolVM.Desktop
{
    using System;
    using System.Runtime.InteropServices;
    using System.Threading;

    internal static class Rehearsal
    {
        private const int Visible = 0x10000000;
        private const int Child = 0x40000000;
        private const int Popup = -0x80000000;
        private const int Quit = 0x12;

        internal static void Hold(Deadline deadline)
        {
            IntPtr window = IntPtr.Zero, edit = IntPtr.Zero;
            int own = 0;
            var there = new ManualResetEventSlim();
            var thread = new Thread(() =>
            {
                own = Native.GetCurrentThreadId();
                window = Shown("STATIC", Popup, 100, IntPtr.Zero);
                edit = Shown("EDIT", Child, 0, window);
                there.Set();
                Message message;
                while (GetMessageW(out message, IntPtr.Zero, 0, 0) > 0)
                {
                    TranslateMessage(ref message);
                    DispatchMessageW(ref message);
                }
            });
            thread.IsBackground = true;
            thread.Start();
            try
            {
                if (there.Wait(deadline.Left))
                {
                    Act(window, edit, deadline);
                }
            }
            finally
            {
                PostThreadMessageW(own, Quit, IntPtr.Zero, IntPtr.Zero); // its windows end with it
            }
        }

        private static IntPtr Shown(string kind, int style, int corner, IntPtr parent)
        {
            return Native.CreateWindowExW(
                0, kind, "rehearsal", style | Visible, corner, corner, 200, 40, parent, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero);
        }

        private static void Act(IntPtr window, IntPtr edit, Deadline deadline)
        {
            Native.Rectangle place;
            Native.GetWindowRect(edit, out place);
            new Eyes(deadline, new string[0]).Look(IntPtr.Zero);
            new Eyes(deadline, new string[0]).Look(window);
            var hands = new Hands(edit, deadline);
            hands.Check(place);
            hands.Click(place.Middle, place.Middle.X - place.Left, "left", 2);
            hands.Click(place.Middle, place.Middle.X - place.Left, "left", 1);
            hands.Type("a\n");
            hands.Fill("b");
        }

        [DllImport("user32.dll")]
        private static extern int GetMessageW(out Message message, IntPtr window, int first, int last);

        [DllImport("user32.dll")]
        private static extern bool TranslateMessage(ref Message message);

        [DllImport("user32.dll")]
        private static extern IntPtr DispatchMessageW(ref Message message);

        [DllImport("user32.dll")]
        private static extern bool PostThreadMessageW(int thread, int message, IntPtr first, IntPtr second);

        [StructLayout(LayoutKind.Sequential)]
        private struct Message
        {
            private IntPtr window;
            private int number;
            private IntPtr first, second;
            private int time;
            private Native.Point point;
        }
    }
}
