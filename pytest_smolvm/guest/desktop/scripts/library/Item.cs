// An item of a control as it was at one moment.
namespace SmolVM.Desktop
{
    using System.Collections.Generic;

    internal sealed class Item
    {
        internal Item(long number)
        {
            this.Number = number;
            this.Text = string.Empty;
            this.Cells = new List<string>();
            this.Checked = -1;
            this.Expanded = -1;
        }

        internal long Number { get; private set; }

        /// <summary>The item that it is in; 0 if it is in none.</summary>
        internal long Parent { get; set; }

        internal string Text { get; set; }

        /// <summary>The texts of its further columns.</summary>
        internal IList<string> Cells { get; private set; }

        /// <summary>Where it is on the screen, as far as it is in view.</summary>
        internal Native.Rectangle Place { get; set; }

        internal bool Selected { get; set; }

        /// <summary>1 if it is checked, 0 if it is not, -1 if it has no box.</summary>
        internal int Checked { get; set; }

        /// <summary>1 if it is expanded, 0 if it is not, -1 if there is nothing in it.</summary>
        internal int Expanded { get; set; }

        internal Json Json
        {
            get
            {
                return Eyes.Placed(new Json(), this.Place)
                    .Add("item", this.Number)
                    .Add("parent", this.Parent)
                    .Add("text", this.Text)
                    .Add("cells", this.Cells)
                    .Add("selected", this.Selected)
                    .Add("checked", this.Checked)
                    .Add("expanded", this.Expanded);
            }
        }
    }
}
