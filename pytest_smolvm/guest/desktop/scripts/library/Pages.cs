// The tabs of a tab control.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Linq;

    internal sealed class Pages : DrawnItems
    {
        internal Pages(IntPtr window, Messages messages)
            : base(window, messages)
        {
        }

        protected override int Counted
        {
            get { return (int)this.Ask(0x1304); }
        }

        protected override long Current
        {
            get { return this.Ask(0x130B) + 1; }
        }

        internal override IList<long> Some()
        {
            return this.From(0);
        }

        internal override IList<Item> Read(IList<long> items)
        {
            List<Letter> letters = items.Select(this.About).Concat(items.Select(this.AboutPlace)).ToList();
            this.Memory.Send(letters);
            long current = this.Current;
            return items.Select((number, i) =>
            {
                var item = new Item(number);
                item.Text = this.Memory.TextOf(letters[i]);
                item.Place = this.InView(letters[items.Count + i].Rectangle);
                item.Selected = number == current;
                return item;
            }).ToList();
        }

        internal override IEnumerable<long> Find(string text)
        {
            IList<long> all = Enumerable.Range(1, this.Count).Select(number => (long)number).ToList();
            return this.Read(all).Where(item => item.Text == text).Select(item => item.Number);
        }

        /// <summary>TCM_SETCURSEL would tell nobody.</summary>
        internal override void Select(long item)
        {
            const int SetFocus = 0x1330;
            this.Ask(SetFocus, item - 1);
        }

        internal override void Show(long item)
        {
            if (this.Read(new[] { item })[0].Place.IsEmpty)
            {
                throw new Refusal(Refusal.Never, "it is out of view: select it");
            }
        }

        private Letter About(long item)
        {
            const int GetItem = 0x133C;
            const int WithText = 1;
            return new Letter(
                GetItem, item - 1, place => this.Structure().Numbers(WithText, 0, 0).Pointer(place).Numbers(Letter.Characters, 0, 0, 0));
        }

        private Letter AboutPlace(long item)
        {
            const int GetRectangle = 0x130A;
            return new Letter(GetRectangle, item - 1, _ => this.Structure().Numbers(0, 0, 0, 0));
        }
    }
}
