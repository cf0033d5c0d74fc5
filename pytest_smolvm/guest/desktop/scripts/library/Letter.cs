// A message about a structure, and what came back.
namespace SmolVM.Desktop
{
    using System;
    using System.Text;

    internal sealed class Letter
    {
        internal const int Characters = 260; // of a text, at most: what list views and trees show
        internal const int TextAt = 80; // all structures are shorter
        internal const int Size = TextAt + (2 * Characters);
        private readonly Func<long, Record> about;
        private Record sent;
        private byte[] returned;

        /// <param name="message">The message's number.</param>
        /// <param name="first">Its first parameter.</param>
        /// <param name="about">The structure, given where in the program's memory a text may be put.</param>
        internal Letter(int message, long first, Func<long, Record> about)
        {
            this.Message = message;
            this.First = first;
            this.about = about;
        }

        internal int Message { get; private set; }

        internal long First { get; private set; }

        internal long Result { get; set; }

        /// <summary>Where the structure's last pointer points to.</summary>
        internal long TextPlace
        {
            get { return this.sent.PointerIn(this.returned); }
        }

        internal string Text
        {
            get { return Ended(this.returned, TextAt); }
        }

        internal Native.Rectangle Rectangle
        {
            get
            {
                var place = new Native.Rectangle();
                place.Left = this.Number(0);
                place.Top = this.Number(4);
                place.Right = this.Number(8);
                place.Bottom = this.Number(12);
                return place;
            }
        }

        internal static string Ended(byte[] bytes, int at)
        {
            string text = Encoding.Unicode.GetString(bytes, at, bytes.Length - at);
            int end = text.IndexOf('\0');
            return end < 0 ? text : text.Substring(0, end);
        }

        /// <summary>A number of the structure.</summary>
        internal int Number(int at)
        {
            return BitConverter.ToInt32(this.returned, at);
        }

        internal byte[] Written(long place)
        {
            this.sent = this.about(place + TextAt);
            return this.sent.Bytes;
        }

        internal void Returned(byte[] bytes)
        {
            this.returned = bytes;
        }
    }
}
