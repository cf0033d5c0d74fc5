// Keys and clicks for one thread, and whether it has taken them.
namespace SmolVM.Desktop
{
    using System;
    using System.Runtime.InteropServices;

    internal sealed class Input
    {
        private const int LeftButton = 1;
        private const int RightButton = 2;
        private const int Packet = 0xE7; // the key that a character is sent with
        private const int Released = 2;
        private readonly IntPtr window;
        private readonly int thread;
        private readonly Deadline deadline;

        internal Input(IntPtr window, Deadline deadline)
        {
            int process;
            this.window = window;
            this.thread = Native.GetWindowThreadProcessId(window, out process);
            this.deadline = deadline;
        }

        /// <summary>Do something while this thread shares the input state of another.</summary>
        internal static void Attached(int thread, Action action)
        {
            int own = Native.GetCurrentThreadId();
            bool attached = thread != 0 && Native.AttachThreadInput(own, thread, true);
            try
            {
                action();
            }
            finally
            {
                if (attached)
                {
                    Native.AttachThreadInput(own, thread, false);
                }
            }
        }

        /// <summary>
        /// Wait until the pointer is at a place, where the host has moved it to; whether it is. Then Windows is told once more:
        /// wine asks where it is, but goes on for a while with where it was.
        /// </summary>
        internal bool Point(Native.Point to)
        {
            bool there = this.deadline.Await(() =>
            {
                Native.Point now;
                return Native.GetCursorPos(out now) && now.Equals(to);
            });
            if (there)
            {
                Move(to);
            }

            return there;
        }

        internal void Click(string button)
        {
            bool left = button == "left";
            int flags = left ? 2 : 8;
            this.Taken(left ? LeftButton : RightButton, new[] { Pointer(0, 0, flags) }, new[] { Pointer(0, 0, 2 * flags) });
        }

        /// <summary>Type a character, whatever the keyboard's layout. A line end is the key Enter, which programs wait for.</summary>
        internal void Type(char letter)
        {
            const int Character = 4;
            const ushort Enter = 13, Tab = 9;
            if (letter == '\n' || letter == '\t')
            {
                this.Press(new[] { letter == '\n' ? Enter : Tab });
            }
            else
            {
                this.Taken(Packet, new[] { Stroke(0, letter, Character) }, new[] { Stroke(0, letter, Character | Released) });
            }
        }

        /// <summary>Press keys together.</summary>
        internal void Press(ushort[] keys)
        {
            Native.Input[] down = Array.ConvertAll(keys, key => Stroke(key, '\0', Extended(key)));
            Native.Input[] up = Array.ConvertAll(keys, key => Stroke(key, '\0', Released | Extended(key)));
            Array.Reverse(up);
            this.Taken(keys[keys.Length - 1], down, up);
        }

        private static void Move(Native.Point to)
        {
            const int Moves = 1;
            const int Absolute = 0x8000;
            int width = Native.GetSystemMetrics(0), height = Native.GetSystemMetrics(1);

            // In 65536ths of the screen; rounded up, since Windows rounds down.
            int x = (int)((((long)to.X << 16) + width - 1) / width), y = (int)((((long)to.Y << 16) + height - 1) / height);
            Send(Pointer(x, y, Moves | Absolute));
        }

        private static void Send(params Native.Input[] inputs)
        {
            if (Native.SendInput(inputs.Length, inputs, Marshal.SizeOf(typeof(Native.Input))) != inputs.Length)
            {
                throw new Refusal(Refusal.NotNow, "Windows does not let it have keys and clicks, as a program that runs elevated");
            }
        }

        private static Native.Input Pointer(int x, int y, int flags)
        {
            var input = new Native.Input();
            input.What.Mouse.X = x;
            input.What.Mouse.Y = y;
            input.What.Mouse.Flags = flags;
            return input;
        }

        private static Native.Input Stroke(ushort key, char letter, int flags)
        {
            var input = new Native.Input();
            input.Kind = 1;
            input.What.Key.Code = key;
            input.What.Key.Scan = letter;
            input.What.Key.Flags = flags;
            return input;
        }

        /// <summary>KEYEVENTF_EXTENDEDKEY for Page Up to the arrows, Insert, Delete, and the keys of Windows.</summary>
        private static int Extended(ushort key)
        {
            return (key >= 0x21 && key <= 0x28) || key == 0x2D || key == 0x2E || (key >= 0x5B && key <= 0x5D) ? 1 : 0;
        }

        /// <summary>
        /// Send a key or a button that goes down, and then up again, each time waiting until the thread has taken it from its
        /// queue. Nothing tells so, but the key's state as that thread sees it, which changes then.
        /// </summary>
        private void Taken(int key, Native.Input[] down, Native.Input[] up)
        {
            Attached(this.thread, () =>
            {
                Send(down);
                this.Await(key, true);
                Send(up);
                this.Await(key, false);
            });
        }

        private void Await(int key, bool down)
        {
            bool taken = this.deadline.Await(() => (Native.GetKeyState(key) < 0) == down || this.HasLeft());
            if (!taken)
            {
                throw new Refusal(Refusal.Silent, "it was sent, but the program does not take it");
            }
        }

        /// <summary>Whether the rest goes elsewhere, since the window was closed or another program's came to the front.</summary>
        private bool HasLeft()
        {
            int process;
            return !Native.IsWindow(this.window) || Native.GetWindowThreadProcessId(Native.GetForegroundWindow(), out process) != this.thread;
        }
    }
}
