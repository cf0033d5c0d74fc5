// Memory in another program, where messages that Windows does not carry across find what they point to.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Text;

    internal sealed class Memory : IDisposable
    {
        private const int Slots = 100;
        private readonly IntPtr window;
        private readonly Messages messages;
        private readonly IntPtr process;
        private readonly IntPtr place;
        private bool awaited;

        internal Memory(IntPtr window, Messages messages)
        {
            const int Access = 0x1038; // PROCESS_QUERY_LIMITED_INFORMATION, and its memory: operation, read, write
            const int Taken = 0x3000; // MEM_COMMIT and MEM_RESERVE
            const int ReadWrite = 4;
            int number;
            bool translated;
            Native.GetWindowThreadProcessId(window, out number);
            this.window = window;
            this.messages = messages;
            this.process = Native.OpenProcess(Access, false, number);
            Native.IsWow64Process(this.process, out translated);
            this.Wide = Environment.Is64BitOperatingSystem && !translated;
            bool reachable = IntPtr.Size == 8 || !this.Wide;
            var size = new IntPtr(Slots * Letter.Size);
            this.place = reachable ? Native.VirtualAllocEx(this.process, IntPtr.Zero, size, Taken, ReadWrite) : IntPtr.Zero;
            if (this.place == IntPtr.Zero)
            {
                Native.CloseHandle(this.process);
                throw new Refusal(Refusal.Never, "its program does not let others read it, as one that runs elevated");
            }
        }

        /// <summary>Whether pointers have 64 bits in that program.</summary>
        internal bool Wide { get; private set; }

        /// <summary>What may still be written to, since a message about it did not come back in time, is left to the program.</summary>
        public void Dispose()
        {
            const int Release = 0x8000;
            if (!this.awaited)
            {
                Native.VirtualFreeEx(this.process, this.place, IntPtr.Zero, Release);
            }

            Native.CloseHandle(this.process);
        }

        /// <summary>Send messages about structures, which are there all at once: to write and to read takes longer than a message.</summary>
        internal void Send(IList<Letter> letters)
        {
            for (int from = 0; from < letters.Count; from += Slots)
            {
                this.SendSome(letters, from, Math.Min(Slots, letters.Count - from));
            }
        }

        internal Letter Send(Letter letter)
        {
            this.Send(new[] { letter });
            return letter;
        }

        /// <summary>The text that a message gave: the control may have the structure point to one of its own.</summary>
        internal string TextOf(Letter letter)
        {
            long at = letter.TextPlace - this.place.ToInt64();
            bool ours = at >= 0 && at < Slots * Letter.Size;
            return letter.Result == 0 ? string.Empty
                : ours ? letter.Text : Letter.Ended(this.Read(new IntPtr(letter.TextPlace), 2 * Letter.Characters), 0);
        }

        private void SendSome(IList<Letter> letters, int from, int count)
        {
            var all = new byte[count * Letter.Size];
            for (int i = 0; i < count; i++)
            {
                byte[] written = letters[from + i].Written(this.place.ToInt64() + (i * Letter.Size));
                written.CopyTo(all, i * Letter.Size);
            }

            this.Write(all);
            this.awaited = true;
            for (int i = 0; i < count; i++)
            {
                Letter letter = letters[from + i];
                letter.Result = this.messages.Ask(this.window, letter.Message, letter.First, this.place.ToInt64() + (i * Letter.Size));
            }

            this.awaited = false;
            all = this.Read(this.place, all.Length);
            for (int i = 0; i < count; i++)
            {
                var returned = new byte[Letter.Size];
                Array.Copy(all, i * Letter.Size, returned, 0, Letter.Size);
                letters[from + i].Returned(returned);
            }
        }

        private void Write(byte[] bytes)
        {
            IntPtr done;
            if (!Native.WriteProcessMemory(this.process, this.place, bytes, new IntPtr(bytes.Length), out done))
            {
                throw Native.IsWindow(this.window)
                    ? new Refusal(Refusal.Never, "its program does not let others write to its memory any more")
                    : new Refusal(Refusal.Gone, "the window was closed");
            }
        }

        /// <summary>As much as there is; zeros behind it.</summary>
        private byte[] Read(IntPtr from, int size)
        {
            var bytes = new byte[size];
            IntPtr done;
            Native.ReadProcessMemory(this.process, from, bytes, new IntPtr(size), out done);
            return bytes;
        }
    }
}
