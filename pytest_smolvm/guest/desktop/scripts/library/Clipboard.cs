// The clipboard, as far as it holds text.
namespace SmolVM.Desktop
{
    using System;
    using System.Runtime.InteropServices;

    internal sealed class Clipboard : IDisposable
    {
        private const int UnicodeText = 13;
        private readonly IntPtr owner;

        /// <summary>Open it, once no other program has it open.</summary>
        internal Clipboard(Deadline deadline)
        {
            // Windows takes nothing from one that is no window's. This one is seen by nobody.
            var messagesOnly = new IntPtr(-3);
            this.owner = Native.CreateWindowExW(
                0, "STATIC", null, 0, 0, 0, 0, 0, messagesOnly, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero);
            if (!deadline.Await(() => Native.OpenClipboard(this.owner)))
            {
                Native.DestroyWindow(this.owner);
                throw new Refusal(Refusal.Silent, "another program has the clipboard open: " + Kind.ClassOf(Native.GetOpenClipboardWindow()));
            }
        }

        /// <summary>Have it hold a text, or tell the one that it holds.</summary>
        internal static string Answer(string[] words, Deadline deadline)
        {
            using (var clipboard = new Clipboard(deadline))
            {
                if (words[0] == "paste")
                {
                    return new Json().Add("text", clipboard.Text).ToString();
                }

                clipboard.Text = words[2];
                return "{}";
            }
        }

        /// <summary>Null if there is none.</summary>
        internal string Text
        {
            get
            {
                IntPtr data = Native.GetClipboardData(UnicodeText);
                IntPtr start = data == IntPtr.Zero ? data : Native.GlobalLock(data);
                if (start == IntPtr.Zero)
                {
                    return null;
                }

                try
                {
                    // It ends with a NUL, or with what there is.
                    var letters = new char[(long)Native.GlobalSize(data) / 2];
                    Marshal.Copy(start, letters, 0, letters.Length);
                    string text = new string(letters);
                    int end = text.IndexOf('\0');
                    return end < 0 ? text : text.Substring(0, end);
                }
                finally
                {
                    Native.GlobalUnlock(data);
                }
            }

            set
            {
                const int Movable = 2;
                string lines = value.Replace("\r\n", "\n").Replace("\n", "\r\n") + '\0';
                IntPtr data = Native.GlobalAlloc(Movable, new IntPtr(2 * lines.Length));
                IntPtr start = Native.GlobalLock(data);
                Marshal.Copy(lines.ToCharArray(), 0, start, lines.Length);
                Native.GlobalUnlock(data);
                if (!Native.EmptyClipboard() || Native.SetClipboardData(UnicodeText, data) == IntPtr.Zero)
                {
                    Native.GlobalFree(data);
                    throw new Refusal(Refusal.Never, "Windows does not take it");
                }
            }
        }

        /// <summary>Close it. What was put in stays: it belongs to Windows.</summary>
        public void Dispose()
        {
            Native.CloseClipboard();
            Native.DestroyWindow(this.owner);
        }
    }
}
