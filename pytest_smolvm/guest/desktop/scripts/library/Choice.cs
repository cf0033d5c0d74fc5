// The items of a list box or a combo box.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Linq;

    internal sealed class Choice : Items
    {
        private readonly bool combo;
        private readonly bool multiple;
        private readonly bool regular;

        internal Choice(IntPtr window, Messages messages)
            : base(window, messages)
        {
            var kind = new Kind(window);
            this.combo = kind.IsComboBox;
            this.multiple = kind.IsMultiple;
            this.regular = kind.IsOneBelowTheOther;
        }

        protected override int Counted
        {
            get { return this.Messages.Send(this.Window, this.combo ? 0x146 : 0x18B); }
        }

        internal override int Dropped
        {
            get { return this.combo ? this.Messages.Send(this.Window, 0x157) : -1; }
        }

        protected override long Current
        {
            get { return this.Messages.Send(this.Window, this.combo ? 0x147 : 0x188) + 1; }
        }

        public override void Dispose()
        {
        }

        internal override IList<long> Some()
        {
            const int GetTop = 0x18E;
            return this.From(this.combo ? 0 : this.Messages.Send(this.Window, GetTop));
        }

        internal override IList<Item> Read(IList<long> items)
        {
            const int IsSelected = 0x187;
            long current = this.multiple ? 0 : this.Current;
            List<Item> read = items.Select(number =>
            {
                var item = new Item(number);
                item.Text = this.Text(number);
                item.Selected = this.multiple ? this.Messages.Send(this.Window, IsSelected, (int)number - 1) > 0 : number == current;
                return item;
            }).ToList();
            this.Place(read);
            return read;
        }

        internal override IEnumerable<long> Find(string text)
        {
            const int FindInCombo = 0x158, FindInList = 0x1A2;
            for (int found = -1, next; true; found = next)
            {
                // Small and capital letters are the same to it, and behind the last it begins anew.
                next = this.Messages.Send(this.Window, this.combo ? FindInCombo : FindInList, found, text);
                if (next <= found)
                {
                    yield break;
                }

                if (this.Text(next + 1) == text)
                {
                    yield return next + 1;
                }
            }
        }

        /// <summary>Select an item, and tell the window that the control is in: Windows does so only where a person selects.</summary>
        internal override void Select(long item)
        {
            const int Command = 0x111;
            const int Changed = 1; // CBN_SELCHANGE and LBN_SELCHANGE
            const int Parent = 1;
            const int SelectOneMore = 0x185;
            int at = (int)item - 1;
            if (this.multiple)
            {
                this.Messages.Send(this.Window, SelectOneMore, 1, at);
            }
            else
            {
                this.Messages.Send(this.Window, this.combo ? 0x14E : 0x186, at);
            }

            int about = (Native.GetDlgCtrlID(this.Window) & 0xFFFF) | (Changed << 16);
            this.Messages.Send(Native.GetAncestor(this.Window, Parent), Command, about, this.Window);
        }

        internal override void Show(long item)
        {
            const int SetTop = 0x197;
            if (this.combo)
            {
                throw new Refusal(Refusal.Never, "what drops down of a combo box is out of reach: select it");
            }

            this.Messages.Send(this.Window, SetTop, (int)item - 1);
        }

        internal override void Expand(long item, bool expanded)
        {
            const int ShowDropDown = 0x14F;
            if (item != 0 || !this.combo)
            {
                base.Expand(item, expanded);
            }

            this.Messages.Send(this.Window, ShowDropDown, expanded ? 1 : 0);
        }

        /// <summary>Of a combo box and of a list box where several are selected it is what they say themselves.</summary>
        protected override string Chosen(IList<Item> read)
        {
            return this.combo || this.multiple ? this.Messages.Text(this.Window) : base.Chosen(read);
        }

        private string Text(long item)
        {
            int at = (int)item - 1;
            int length = this.Messages.Send(this.Window, this.combo ? 0x149 : 0x18A, at);
            return length < 0 ? string.Empty : this.Messages.Into(this.Window, this.combo ? 0x148 : 0x189, at, length);
        }

        /// <summary>Those of a combo box are in view only while they drop down, in a window of their own.</summary>
        private void Place(IList<Item> items)
        {
            const int GetRectangle = 0x198;
            if (this.combo || items.Count == 0)
            {
                return;
            }

            Native.Rectangle first = this.Messages.Rectangle(this.Window, GetRectangle, (int)items[0].Number - 1);
            foreach (Item item in items)
            {
                int at = (int)item.Number - 1, below = (int)(item.Number - items[0].Number) * (first.Bottom - first.Top);
                item.Place = this.InView(this.regular ? first.Moved(0, below) : this.Messages.Rectangle(this.Window, GetRectangle, at));
            }
        }
    }
}
