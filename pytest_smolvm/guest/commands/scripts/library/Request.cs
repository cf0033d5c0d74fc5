// What is to be run: a script and its arguments.
namespace SmolVM
{
    using System.Globalization;
    using System.IO;
    using System.Text;

    internal sealed class Request
    {
        internal readonly string Script;
        internal readonly object[] Arguments;

        /// <summary>
        /// Read one: the number of its parts, then each as a letter for its type, a length and UTF-8 text. The first part is
        /// the script, the others are its arguments.
        /// </summary>
        internal Request(byte[] bytes)
        {
            var reader = new BinaryReader(new MemoryStream(bytes));
            int parts = reader.ReadInt32();
            this.Script = (string)Part(reader);
            this.Arguments = new object[parts - 1];
            for (int i = 0; i < this.Arguments.Length; i++)
            {
                this.Arguments[i] = Part(reader);
            }
        }

        private static object Part(BinaryReader reader)
        {
            var kind = (char)reader.ReadByte();
            string text = Encoding.UTF8.GetString(reader.ReadBytes(reader.ReadInt32()));
            switch (kind)
            {
                case 'i': return int.Parse(text, CultureInfo.InvariantCulture);
                case 'l': return long.Parse(text, CultureInfo.InvariantCulture);
                case 'f': return double.Parse(text, CultureInfo.InvariantCulture);
                case 'b': return text == "1";
                case 'n': return null;
                default: return text;
            }
        }
    }
}
