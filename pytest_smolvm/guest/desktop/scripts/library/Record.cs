// A structure of Windows as bytes, laid out as the program has it that is to read it.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Text;

    internal sealed class Record
    {
        private readonly List<byte> bytes = new List<byte>();
        private readonly bool wide;
        private int pointerAt;

        /// <param name="wide">Whether pointers have 64 bits there.</param>
        internal Record(bool wide)
        {
            this.wide = wide;
        }

        internal byte[] Bytes
        {
            get { return this.bytes.ToArray(); }
        }

        internal Record Numbers(params int[] values)
        {
            foreach (int value in values)
            {
                this.bytes.AddRange(BitConverter.GetBytes(value));
            }

            return this;
        }

        internal Record Pointer(long value)
        {
            while (this.wide && this.bytes.Count % 8 != 0)
            {
                this.bytes.Add(0);
            }

            this.pointerAt = this.bytes.Count;
            this.bytes.AddRange(this.wide ? BitConverter.GetBytes(value) : BitConverter.GetBytes((int)value));
            return this;
        }

        /// <summary>With a text where structures may point to.</summary>
        internal Record Text(string text)
        {
            while (this.bytes.Count < Letter.TextAt)
            {
                this.bytes.Add(0);
            }

            string shown = text.Substring(0, Math.Min(text.Length, Letter.Characters - 1));
            this.bytes.AddRange(Encoding.Unicode.GetBytes(shown + '\0'));
            return this;
        }

        /// <summary>What the last pointer has become in a structure that came back.</summary>
        internal long PointerIn(byte[] returned)
        {
            return this.wide ? BitConverter.ToInt64(returned, this.pointerAt) : BitConverter.ToUInt32(returned, this.pointerAt);
        }
    }
}
