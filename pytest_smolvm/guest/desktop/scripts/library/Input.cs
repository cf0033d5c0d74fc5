// Keys and clicks for one thread, and whether it has taken them.
namespace SmolVM.Desktop
{
    using System;
    using System.Runtime.InteropServices;
    using System.Threading;

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

        /// <summary>Have the pointer cover nothing of a part of the screen: it is on pictures, too.</summary>
        internal static void Leave(Native.Rectangle part)
        {
            const int Moves = 1;
            const int Size = 48; // pixels, of a large pointer
            int width = Native.GetSystemMetrics(0), middle = Native.GetSystemMetrics(1) / 2;
            Native.Point now;
            bool isNear = Native.GetCursorPos(out now)
                && now.X > part.Left - Size && now.X < part.Right + Size && now.Y > part.Top - Size && now.Y < part.Bottom + Size;
            if (isNear)
            {
                var away = new Native.Point();
                away.X = part.Left > Size ? 0 : width - 1;
                away.Y = middle;
                Send(Pointer(away, Moves));
            }
        }

        /// <summary>Move the pointer to a place.</summary>
        internal void Point(Native.Point to)
        {
            const int Moves = 1;
            const int Patience = 1000; // milliseconds; beyond the edge of the screen it never comes
            const int Step = 100; // wine (10.0) undoes it with what it hears late of the move before: then once more
            var patience = new Deadline(Math.Min(Patience, this.deadline.Left));
            do
            {
                Send(Pointer(to, Moves));
                if (new Deadline(Step).Await(() => IsAt(to)))
                {
                    return;
                }
            }
            while (patience.Left > 0);
            throw new Refusal(Refusal.NotNow, "the pointer does not come to (" + to.X + ", " + to.Y + ")");
        }

        /// <summary>
        /// Press a button at a place, and let it go there. Each says where that is: a device may move the pointer meanwhile, and
        /// wine (10.0) hears late of where it has been.
        /// </summary>
        internal void Click(Native.Point at, string button)
        {
            bool left = button == "left";
            int flags = 1 | (left ? 2 : 8);
            int released = 1 | (left ? 4 : 16);
            this.Taken(left ? LeftButton : RightButton, new[] { Pointer(at, flags) }, new[] { Pointer(at, released) });
        }

        /// <summary>
        /// Press the left button twice at a place. Windows takes the second for a double click's if it was sent soon after the first,
        /// so nothing is awaited between the two, which on a busy computer may take longer than that.
        /// </summary>
        internal void DoubleClick(Native.Point at)
        {
            const int Toggled = 1;
            const int Usually = 300; // milliseconds
            Native.Input down = Pointer(at, 3), up = Pointer(at, 5);
            Attached(this.thread, () =>
            {
                // Each press changes it, so two leave it as it was, unless the thread had not heard of earlier ones yet.
                int before = Native.GetKeyState(LeftButton) & Toggled;
                Send(down, up, down);
                new Deadline(Math.Min(Usually, this.deadline.Left)).Await(() => IsDown(LeftButton) && (Native.GetKeyState(LeftButton) & Toggled) == before);
                Finally(() => this.Await(LeftButton, true), up);
                this.Await(LeftButton, false);
            });
        }

        private static bool IsDown(int key)
        {
            return Native.GetKeyState(key) < 0;
        }

        private static bool IsAt(Native.Point place)
        {
            Native.Point now;
            return Native.GetCursorPos(out now) && now.Equals(place);
        }

        /// <summary>
        /// Press the left button at a place, move, and let it go at another. In steps, since a program takes it for a drag once
        /// the pointer has moved so far, and with pauses, since Windows joins moves that were not asked for yet.
        /// </summary>
        internal void Drag(Native.Point from, Native.Point to)
        {
            const int Moves = 1, Pressed = 3, Released = 5;
            const int Steps = 12;
            const int Pause = 15; // milliseconds
            Attached(this.thread, () =>
            {
                Send(Pointer(from, Pressed));
                Action moves = () =>
                {
                    this.Await(LeftButton, true);
                    for (int step = 1; step <= Steps; step++)
                    {
                        Thread.Sleep(Pause);
                        var at = new Native.Point();
                        at.X = from.X + ((to.X - from.X) * step / Steps);
                        at.Y = from.Y + ((to.Y - from.Y) * step / Steps);
                        Send(Pointer(at, Moves));
                    }

                    Thread.Sleep(Pause);
                };
                Finally(moves, Pointer(to, Released));
                this.Await(LeftButton, false);
            });
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

        /// <summary>Do something while a key or a button is down, and let go of it in any case: held down it spoils what follows.</summary>
        private static void Finally(Action action, params Native.Input[] up)
        {
            try
            {
                action();
            }
            finally
            {
                Send(up);
            }
        }

        private static void Send(params Native.Input[] inputs)
        {
            if (Native.SendInput(inputs.Length, inputs, Marshal.SizeOf(typeof(Native.Input))) != inputs.Length)
            {
                throw new Refusal(Refusal.NotNow, "Windows does not let it have keys and clicks, as a program that runs elevated");
            }
        }

        /// <summary>What the pointer does at a place of the screen, which is given in 65536ths of it; rounded up, since Windows rounds down.</summary>
        private static Native.Input Pointer(Native.Point at, int flags)
        {
            const int Absolute = 0x8000;
            int width = Native.GetSystemMetrics(0), height = Native.GetSystemMetrics(1);
            var input = new Native.Input();
            input.What.Mouse.X = (int)((((long)at.X << 16) + width - 1) / width);
            input.What.Mouse.Y = (int)((((long)at.Y << 16) + height - 1) / height);
            input.What.Mouse.Flags = flags | Absolute;
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
                Finally(() => this.Await(key, true), up);
                this.Await(key, false);
            });
        }

        private void Await(int key, bool down)
        {
            bool taken = this.deadline.Await(() => IsDown(key) == down || this.HasLeft());
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
