// The items of a list view.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Linq;

    internal sealed class Rows : DrawnItems
    {
        private const int SelectedState = 2;
        private const int FocusedState = 1;
        private const int BoxStates = 0xF000;
        private const int MostColumns = 20;
        private const int StateAt = 12;
        private readonly int kind;
        private readonly bool hasBoxes;
        private readonly int columns;
        private readonly int first;
        private readonly int last;

        internal Rows(IntPtr window, Messages messages)
            : base(window, messages)
        {
            const int GetHeader = 0x101F, GetColumns = 0x1200, GetExtendedStyle = 0x1037, GetTop = 0x1027, GetPerPage = 0x1028;
            const int CheckBoxes = 4;
            this.kind = new Kind(window).ListViewKind;
            bool scrollsByItems = this.kind == Kind.Report || this.kind == Kind.SmallList;
            var header = new IntPtr(this.kind == Kind.Report ? this.Ask(GetHeader) : 0);
            this.columns = header == IntPtr.Zero ? 1 : Math.Min((int)messages.Ask(header, GetColumns, 0, 0), MostColumns);
            this.hasBoxes = (this.Ask(GetExtendedStyle) & CheckBoxes) != 0;
            this.first = scrollsByItems ? (int)this.Ask(GetTop) : 0;
            this.last = scrollsByItems ? this.first + (int)this.Ask(GetPerPage) : int.MaxValue;
        }

        protected override int Counted
        {
            get { return (int)this.Ask(0x1004); }
        }

        protected override long Current
        {
            get { return this.Ask(0x100C, -1, SelectedState) + 1; }
        }

        internal override IList<long> Some()
        {
            return this.From(this.first);
        }

        internal override IList<Item> Read(IList<long> items)
        {
            List<Letter> letters = items.SelectMany(item => Enumerable.Range(0, this.columns).Select(column => this.About(item, column))).ToList();
            this.Memory.Send(letters);
            List<Item> read = items.Select((item, i) => this.Told(item, letters.GetRange(i * this.columns, this.columns))).ToList();
            this.Place(read.Where(item => item.Number > this.first && item.Number <= this.last + 1).ToList());
            return read;
        }

        internal override IEnumerable<long> Find(string text)
        {
            const int FindItem = 0x1053;
            const int Whole = 2; // LVFI_STRING; small and capital letters are the same to it
            for (long found = -1, next; true; found = next)
            {
                var wanted = new Letter(FindItem, found, place => this.Structure().Numbers(Whole).Pointer(place).Pointer(0).Numbers(0, 0, 0).Text(text));
                next = (int)this.Memory.Send(wanted).Result;
                if (next <= found)
                {
                    yield break;
                }

                if (this.Read(new[] { next + 1 })[0].Text == text)
                {
                    yield return next + 1;
                }
            }
        }

        internal override void Select(long item)
        {
            const long All = -1;
            this.SetState(All, 0);
            this.SetState(item - 1, SelectedState | FocusedState);
            this.Show(item);
        }

        internal override void Show(long item)
        {
            const int EnsureVisible = 0x1013;
            this.Ask(EnsureVisible, item - 1);
        }

        internal override Native.Point Box(long item)
        {
            const int HitTest = 0x1012;
            const int OnStateIcon = 8;
            return this.hasBoxes ? this.BoxBeside(this.Label(item), HitTest, OnStateIcon) : base.Box(item);
        }

        private Letter About(long item, int column)
        {
            const int GetItem = 0x104B;
            const int TextAndState = 9;
            return new Letter(
                GetItem,
                0,
                place => this.Structure()
                    .Numbers(TextAndState, (int)item - 1, column, 0, SelectedState | BoxStates)
                    .Pointer(place)
                    .Numbers(Letter.Characters, 0, 0, 0, 0, 0, 0));
        }

        private Item Told(long number, IList<Letter> columns)
        {
            int state = columns[0].Number(StateAt);
            var item = new Item(number);
            item.Text = this.Memory.TextOf(columns[0]);
            item.Selected = (state & SelectedState) != 0;
            item.Checked = this.hasBoxes ? ((state & BoxStates) >> 12) - 1 : -1;
            foreach (Letter column in columns.Skip(1))
            {
                item.Cells.Add(this.Memory.TextOf(column));
            }

            return item;
        }

        /// <summary>Rows of a report are equal and one below the other, so that one says where all are.</summary>
        private void Place(IList<Item> items)
        {
            Native.Rectangle first = items.Count > 0 ? this.Label(items[0].Number) : new Native.Rectangle();
            foreach (Item item in items)
            {
                int below = (int)(item.Number - items[0].Number) * (first.Bottom - first.Top);
                item.Place = this.InView(this.kind == Kind.Report ? first.Moved(0, below) : this.Label(item.Number));
            }
        }

        private Native.Rectangle Label(long item)
        {
            const int GetRectangle = 0x100E;
            const int OfLabel = 2; // of its first column
            return this.Memory.Send(new Letter(GetRectangle, item - 1, _ => this.Structure().Numbers(OfLabel, 0, 0, 0))).Rectangle;
        }

        private void SetState(long at, int state)
        {
            const int SetItemState = 0x102B;
            const int Changed = SelectedState | FocusedState;
            this.Memory.Send(new Letter(SetItemState, at, _ => this.Structure().Numbers(0, 0, 0, state, Changed).Pointer(0).Numbers(0, 0)));
        }
    }
}
