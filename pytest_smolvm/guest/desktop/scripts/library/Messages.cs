// Messages to windows of other programs, which answer when they come to it.
namespace SmolVM.Desktop
{
    using System;
    using System.Text;

    internal sealed class Messages
    {
        private const int Normally = 0;
        private const int Early = 100; // milliseconds before a time-out that may be one all the same
        private readonly Deadline deadline;

        internal Messages(Deadline deadline)
        {
            this.deadline = deadline;
        }

        /// <summary>Wait until a window's program answers.</summary>
        internal void Ping(IntPtr window)
        {
            const int Null = 0;
            this.Send(window, Null);
        }

        internal int Send(IntPtr window, int message, int first = 0, int second = 0)
        {
            return this.Send(window, message, first, new IntPtr(second));
        }

        internal int Send(IntPtr window, int message, int first, IntPtr second)
        {
            IntPtr result;
            bool done = Native.SendMessageTimeoutW(window, message, new IntPtr(first), second, Normally, this.deadline.Left, out result) != IntPtr.Zero;
            return this.Answer(window, done, result);
        }

        internal int Send(IntPtr window, int message, int first, string second)
        {
            IntPtr result;
            bool done = Native.SendMessageTimeoutW(window, message, new IntPtr(first), second, Normally, this.deadline.Left, out result) != IntPtr.Zero;
            return this.Answer(window, done, result);
        }

        /// <summary>Send a message, of which nothing points to memory of this process. All that it returns.</summary>
        internal long Ask(IntPtr window, int message, long first, long second)
        {
            IntPtr result;
            bool done = Native.SendMessageTimeoutW(window, message, new IntPtr(first), new IntPtr(second), Normally, this.deadline.Left, out result) != IntPtr.Zero;
            this.Answer(window, done, result);
            return result.ToInt64();
        }

        /// <summary>A rectangle of a message that gives one.</summary>
        internal Native.Rectangle Rectangle(IntPtr window, int message, int first)
        {
            IntPtr result;
            var place = new Native.Rectangle();
            bool done = Native.SendMessageTimeoutW(window, message, new IntPtr(first), ref place, Normally, this.deadline.Left, out result) != IntPtr.Zero;
            this.Answer(window, done, result);
            return place;
        }

        /// <summary>What a window says is its text.</summary>
        internal string Text(IntPtr window)
        {
            const int GetText = 0x0D;
            const int GetTextLength = 0x0E;
            const int Usual = 500; // most texts are shorter: then the one message is enough
            string text = this.Into(window, GetText, Usual, Usual);
            if (text.Length < Usual - 2)
            {
                return text;
            }

            int length = this.Send(window, GetTextLength);
            return this.Into(window, GetText, length + 1, length + 1);
        }

        /// <summary>A text of a message that writes at most `room` letters.</summary>
        internal string Into(IntPtr window, int message, int first, int room)
        {
            var text = new StringBuilder(room + 1);
            IntPtr result;
            bool done = Native.SendMessageTimeoutW(window, message, new IntPtr(first), text, Normally, this.deadline.Left, out result) != IntPtr.Zero;
            this.Answer(window, done, result);
            return text.ToString();
        }

        private int Answer(IntPtr window, bool done, IntPtr result)
        {
            if (done)
            {
                return (int)result.ToInt64();
            }

            if (!Native.IsWindow(window))
            {
                throw new Refusal(Refusal.Gone, "the window was closed");
            }

            Integrity.Check(window); // then it was not even asked
            throw this.deadline.Left > Early
                ? new Refusal(Refusal.Gone, "the window is about to be closed") // or else there would be an answer, in time or not
                : new Refusal(Refusal.Silent, "the window's program does not answer");
        }
    }
}
