// What is done to a control.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Linq;
    using System.Runtime.InteropServices;

    internal sealed class Hands
    {
        private const int Root = 2;
        private readonly IntPtr window;
        private readonly IntPtr root;
        private readonly int thread;
        private readonly Deadline deadline;
        private readonly Messages messages;

        internal Hands(IntPtr window, Deadline deadline)
        {
            int process;
            this.window = window;
            this.root = Native.GetAncestor(window, Root);
            this.thread = Native.GetWindowThreadProcessId(window, out process);
            this.deadline = deadline;
            this.messages = new Messages(deadline);
        }

        /// <summary>Where keys go that are pressed while a window is in front; zero if it is not.</summary>
        internal static IntPtr Focused(IntPtr window)
        {
            int process;
            var information = new Native.ThreadInformation();
            information.Size = Marshal.SizeOf(typeof(Native.ThreadInformation));
            bool known = Native.GetGUIThreadInfo(Native.GetWindowThreadProcessId(window, out process), ref information);
            return known && Native.GetForegroundWindow() == Native.GetAncestor(window, Root) ? information.Focus : IntPtr.Zero;
        }

        /// <summary>Refuse what is not where it was seen, or does not take part at this moment.</summary>
        /// <param name="minimized">Whether it may be that.</param>
        internal void Check(Native.Rectangle seen, bool minimized = false)
        {
            Native.Rectangle place;
            if (!Native.GetWindowRect(this.window, out place))
            {
                throw new Refusal(Refusal.Gone, "the window was closed");
            }

            if (!place.Equals(seen))
            {
                throw new Refusal(Refusal.NotNow, "it moves");
            }

            if (!Native.IsWindowVisible(this.window))
            {
                throw new Refusal(Refusal.NotNow, "it is hidden");
            }

            if (!minimized && Native.IsIconic(this.root))
            {
                throw new Refusal(Refusal.NotNow, "its window is minimized");
            }

            const int Parent = 1;
            for (IntPtr each = this.window; each != IntPtr.Zero; each = each == this.root ? IntPtr.Zero : Native.GetAncestor(each, Parent))
            {
                if (!Native.IsWindowEnabled(each))
                {
                    throw new Refusal(Refusal.NotNow, each == this.window ? "it is disabled" : "what it is in is disabled, as by a dialog");
                }
            }
        }

        /// <summary>
        /// Click at a place, as a person would: whatever is in front there has to be it, or a part of it.
        /// </summary>
        /// <param name="room">How many pixels it goes on beside the middle.</param>
        internal void Click(Native.Point middle, int room, string button, int times)
        {
            this.ToFront();
            this.CheckHit(middle);
            this.Press(middle, room, button, times);
        }

        /// <summary>Click at a place, whatever is there.</summary>
        /// <param name="room">How many pixels it goes on beside the place.</param>
        internal void Press(Native.Point middle, int room, string button, int times)
        {
            Native.Point at = this.Single(middle, room);
            var input = new Input(this.window, this.deadline);
            input.Point(at);
            if (times == 2)
            {
                input.DoubleClick(at);
            }
            else
            {
                input.Click(at, button);
            }

            LastPress.Note(at);
            this.Settle();
        }

        /// <summary>Press a button in it, move, and let it go at a place of something else, which has to lie free there, too.</summary>
        internal void Drag(Native.Point from, Native.Point to, Hands target)
        {
            this.ToFront();
            this.CheckHit(from);
            target.CheckHit(to);
            var input = new Input(this.window, this.deadline);
            input.Point(from);
            input.Drag(from, to);
            this.Settle();
        }

        /// <summary>Leave what its window is in the middle of, as a menu that has come down.</summary>
        internal void Cancel()
        {
            const int CancelMode = 0x1F;
            this.messages.Send(this.root, CancelMode);
        }

        /// <summary>Have keys go to it.</summary>
        internal void Focus()
        {
            this.ToFront();
            if (Focused(this.window) != this.window)
            {
                Input.Attached(this.thread, () => Native.SetFocus(this.window));
                if (!this.deadline.Await(() => Focused(this.window) == this.window))
                {
                    throw new Refusal(Refusal.NotNow, "it does not take the keyboard");
                }
            }
        }

        internal void Type(string text)
        {
            this.Focus();
            var input = new Input(this.window, this.deadline);
            foreach (char letter in text)
            {
                input.Type(letter);
            }

            this.Settle();
        }

        /// <summary>Press keys together, given by their virtual codes.</summary>
        internal void Press(ushort[] keys)
        {
            this.Focus();
            new Input(this.window, this.deadline).Press(keys);
            this.Settle();
        }

        /// <summary>Replace its text. Unlike WM_SETTEXT this tells the program of every kind of edit control that it has changed.</summary>
        internal void Fill(string text)
        {
            const int SetSelection = 0xB1;
            const int ReplaceSelection = 0xC2;
            var kind = new Kind(this.window);
            if (!kind.IsEditable)
            {
                throw new Refusal(Refusal.NotNow, "it is no edit control that can be written to");
            }

            string lines = text.Replace("\r\n", "\n").Replace("\n", "\r\n");
            this.messages.Send(this.window, SetSelection, 0, -1);
            this.messages.Send(this.window, ReplaceSelection, 1, lines);
            if (!kind.IsSecret && this.messages.Text(this.window).Replace("\r\n", "\n") != lines.Replace("\r\n", "\n"))
            {
                throw new Refusal(Refusal.Never, "it has made something else of it: " + this.messages.Text(this.window));
            }
        }

        /// <summary>Select the item of this very text.</summary>
        internal void Select(string text)
        {
            using (Items items = Items.Of(this.window, this.messages))
            {
                if (items == null || new Kind(this.window).IsMultiple)
                {
                    throw new Refusal(Refusal.Never, "it is nothing where one text is chosen");
                }

                long found = items.Find(text).FirstOrDefault();
                if (found == 0)
                {
                    IList<Item> there = items.Read(items.Some());
                    string more = there.Count < items.Count ? " and more, " + items.Count + " in all" : string.Empty;
                    throw new Refusal(Refusal.NotNow, "it has no such item, but: " + string.Join(", ", there.Select(item => item.Text)) + more);
                }

                items.Select(found);
            }
        }

        /// <summary>Ask a window to close, as its cross does; it may have questions.</summary>
        internal void Close()
        {
            const int CloseIt = 0x10;
            Native.PostMessageW(this.root, CloseIt, IntPtr.Zero, IntPtr.Zero);
        }

        /// <summary>Bring its window to the front.</summary>
        internal void ToFront()
        {
            if (Native.GetForegroundWindow() == this.root || new Kind(this.root).IsMenu)
            {
                return; // a menu is never in front, and ends where something else comes there
            }

            // A program may do so only as the one that is in front.
            int process;
            int front = Native.GetWindowThreadProcessId(Native.GetForegroundWindow(), out process);
            Input.Attached(front, () => Native.SetForegroundWindow(this.root));
            if (!this.deadline.Await(() => Native.GetForegroundWindow() == this.root))
            {
                throw new Refusal(Refusal.NotNow, "its window does not come to the front");
            }
        }

        /// <summary>A place beside the middle where that is clicked on a second time so soon that it would be a double click.</summary>
        private Native.Point Single(Native.Point middle, int room)
        {
            Native.Point aside = middle;
            aside.X += LastPress.Apart;
            if (LastPress.Joins(middle) && room > LastPress.Apart && this.Hits(aside))
            {
                return aside;
            }

            this.deadline.Await(() => !LastPress.Joins(middle));
            return middle;
        }

        /// <summary>Refuse if something else is in front at a place.</summary>
        private void CheckHit(Native.Point at)
        {
            if (!this.Hits(at))
            {
                string there = Kind.ClassOf(Native.WindowFromPoint(at));
                throw new Refusal(Refusal.NotNow, "it is covered: at (" + at.X + ", " + at.Y + ") there is a " + there);
            }
        }

        /// <summary>Whether it is what is in front at a place, or a part of it is.</summary>
        private bool Hits(Native.Point at)
        {
            const int Parent = 1;
            IntPtr hit = Native.WindowFromPoint(at);
            bool through = new Kind(this.window).Name == "Text" && hit == Native.GetAncestor(this.window, Parent); // labels let clicks through
            return hit == this.window || Native.IsChild(this.window, hit) || through;
        }

        /// <summary>Wait until its program has dealt with what it has taken from its queue: only then it answers.</summary>
        internal void Settle()
        {
            try
            {
                this.messages.Ping(this.window);
            }
            catch (Refusal)
            {
                if (Native.IsWindow(this.window))
                {
                    throw new Refusal(Refusal.Silent, "it was done, but the program does not answer since");
                }
            }
        }
    }
}
