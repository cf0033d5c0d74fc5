// A window to rehearse with, shown by one of our processes and used by another, as a program's is.
namespace SmolVM.Desktop
{
    using System;
    using System.Runtime.InteropServices;
    using System.Threading;

    internal sealed class Stage
    {
        private const int Visible = 0x10000000;
        private const int Child = 0x40000000;
        private const int Popup = -0x80000000;
        private const int Quit = 0x12;
        private static readonly object Changing = new object();
        private static Stage current;
        private readonly ManualResetEventSlim there = new ManualResetEventSlim();
        private IntPtr window;
        private IntPtr edit;
        private readonly Thread shower;
        private volatile bool isOver;
        private int thread;

        private Stage()
        {
            this.shower = new Thread(this.Show) { IsBackground = true };
            this.shower.Start();
        }

        /// <summary>Show the window, in place of one that is still there; which it is, and its edit control.</summary>
        internal static string Set(Deadline deadline)
        {
            lock (Changing)
            {
                StrikeIt(deadline);
                current = new Stage();
                if (!current.there.Wait(deadline.Left))
                {
                    throw new Refusal(Refusal.Silent, "Windows made no window in time");
                }

                return new Json().Add("window", current.window.ToInt64()).Add("edit", current.edit.ToInt64()).ToString();
            }
        }

        /// <summary>Have it gone.</summary>
        internal static string Strike(Deadline deadline)
        {
            lock (Changing)
            {
                StrikeIt(deadline);
                return "{}";
            }
        }

        /// <summary>Its windows end with its thread.</summary>
        private static void StrikeIt(Deadline deadline)
        {
            Stage struck = current;
            current = null;
            if (struck != null)
            {
                struck.isOver = true;
                PostThreadMessageW(struck.thread, Quit, IntPtr.Zero, IntPtr.Zero);
                struck.shower.Join(deadline.Left);
            }
        }

        private static IntPtr Shown(string kind, int style, int corner, IntPtr parent)
        {
            return Native.CreateWindowExW(
                0, kind, "rehearsal", style | Visible, corner, corner, 200, 40, parent, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero);
        }

        private void Show()
        {
            this.thread = Native.GetCurrentThreadId();
            this.window = Shown("STATIC", Popup, 100, IntPtr.Zero);
            this.edit = Shown("EDIT", Child, 0, this.window);
            this.there.Set();
            Message message;
            while (!this.isOver && GetMessageW(out message, IntPtr.Zero, 0, 0) > 0)
            {
                TranslateMessage(ref message);
                DispatchMessageW(ref message);
            }
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
