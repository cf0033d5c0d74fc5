// An object as JSON. .NET Framework and .NET have no writer in common that needs no further library.
namespace SmolVM.Desktop
{
    using System.Collections.Generic;
    using System.Globalization;
    using System.Text;

    internal sealed class Json
    {
        private readonly StringBuilder text = new StringBuilder();

        internal Json Add(string name, string value)
        {
            return this.Raw(name, value == null ? "null" : Quoted(value));
        }

        internal Json Add(string name, long value)
        {
            return this.Raw(name, value.ToString(CultureInfo.InvariantCulture));
        }

        internal Json Add(string name, bool value)
        {
            return this.Raw(name, value ? "true" : "false");
        }

        internal Json Add(string name, Json value)
        {
            return this.Raw(name, value.ToString());
        }

        internal Json Add(string name, IEnumerable<Json> values)
        {
            return this.Raw(name, "[" + string.Join(",", values) + "]");
        }

        internal Json Add(string name, IEnumerable<string> values)
        {
            var quoted = new List<string>();
            foreach (string value in values)
            {
                quoted.Add(Quoted(value));
            }

            return this.Raw(name, "[" + string.Join(",", quoted) + "]");
        }

        public override string ToString()
        {
            return "{" + this.text + "}";
        }

        /// <summary>Of ASCII, whatever is in it: half a surrogate pair, too, which has no other encoding.</summary>
        private static string Quoted(string value)
        {
            var quoted = new StringBuilder("\"");
            foreach (char letter in value)
            {
                if (letter < ' ' || letter > '~' || letter == '"' || letter == '\\')
                {
                    quoted.Append("\\u").Append(((int)letter).ToString("x4", CultureInfo.InvariantCulture));
                }
                else
                {
                    quoted.Append(letter);
                }
            }

            return quoted.Append('"').ToString();
        }

        private Json Raw(string name, string value)
        {
            this.text.Append(this.text.Length == 0 ? string.Empty : ",").Append(Quoted(name)).Append(':').Append(value);
            return this;
        }
    }
}
