// The items of a tree view: those that are not in a collapsed one.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Linq;

    internal sealed class Branches : DrawnItems
    {
        private const int Caret = 9;
        private const int SelectedState = 2;
        private const int ExpandedState = 0x20;
        private const int BoxStates = 0xF000;
        private const int MostSearched = 1000;
        private readonly bool hasBoxes;
        private bool areAll;
        private bool areMore;

        internal Branches(IntPtr window, Messages messages)
            : base(window, messages)
        {
            this.hasBoxes = new Kind(window).HasTreeBoxes;
        }

        protected override int Counted
        {
            get { return (int)this.Ask(0x1105); }
        }

        protected override long Current
        {
            get { return this.Next(Caret, 0); }
        }

        internal override IList<long> Some()
        {
            const int Root = 0, FirstInView = 5;
            List<long> shown = this.From(this.Next(Root, 0)).Take(Most + 1).ToList();
            this.areAll = shown.Count <= Most;
            if (this.areAll)
            {
                return shown;
            }

            long first = this.Next(FirstInView, 0);
            var around = new List<long>();
            for (long each = this.Parent(first); each != 0; each = this.Parent(each))
            {
                around.Insert(0, each);
            }

            return around.Concat(this.From(first).Take(Most)).ToList();
        }

        internal override IList<Item> Read(IList<long> items)
        {
            List<Letter> letters = items.Select(this.About).Concat(items.Select(this.AboutPlace)).ToList();
            this.Memory.Send(letters);
            return items.Select((item, i) => this.Told(item, letters[i], letters[items.Count + i])).ToList();
        }

        internal override IEnumerable<long> Find(string text)
        {
            const int Root = 0;
            List<long> shown = this.From(this.Next(Root, 0)).Take(MostSearched + 1).ToList();
            this.areMore = shown.Count > MostSearched;
            shown = shown.Take(MostSearched).ToList();
            List<Letter> letters = shown.Select(this.About).ToList();
            this.Memory.Send(letters);
            return shown.Where((item, i) => this.Memory.TextOf(letters[i]) == text);
        }

        protected override string Unsearched
        {
            get { return this.areMore ? "it shows more than " + MostSearched + " items, the first of which are looked through" : string.Empty; }
        }

        internal override void Select(long item)
        {
            const int SelectItem = 0x110B;
            this.Ask(SelectItem, Caret, item);
        }

        internal override void Show(long item)
        {
            const int EnsureVisible = 0x1114;
            this.Ask(EnsureVisible, 0, item);
        }

        /// <summary>Its program is told before the first time, as when a person does so, and may put items in.</summary>
        internal override void Expand(long item, bool expanded)
        {
            const int ExpandItem = 0x1102;
            const int Collapse = 1, Expand = 2;
            if (this.Read(new[] { item })[0].Expanded < 0)
            {
                throw new Refusal(Refusal.NotNow, "there is nothing in it");
            }

            this.Ask(ExpandItem, expanded ? Expand : Collapse, item);
        }

        internal override Native.Point Box(long item)
        {
            const int HitTest = 0x1111;
            const int OnStateIcon = 0x40;
            return this.hasBoxes ? this.BoxBeside(this.Memory.Send(this.AboutPlace(item)).Rectangle, HitTest, OnStateIcon) : base.Box(item);
        }

        /// <summary>What is collapsed is not found.</summary>
        protected override bool AreAll(IList<long> some)
        {
            return this.areAll;
        }

        /// <summary>Their numbers say nothing of it.</summary>
        protected override IEnumerable<long> InOrder(IEnumerable<long> items)
        {
            return items;
        }

        /// <summary>An item and those that are shown below it.</summary>
        private IEnumerable<long> From(long first)
        {
            const int NextShown = 6;
            for (long each = first; each != 0; each = this.Next(NextShown, each))
            {
                yield return each;
            }
        }

        private long Next(int which, long item)
        {
            const int GetNext = 0x110A;
            return this.Ask(GetNext, which, item);
        }

        private long Parent(long item)
        {
            const int ParentOf = 3;
            return this.Next(ParentOf, item);
        }

        private Letter About(long item)
        {
            const int GetItem = 0x113E;
            const int TextStateAndChildren = 0x49;
            return new Letter(
                GetItem,
                0,
                place => this.Structure()
                    .Numbers(TextStateAndChildren)
                    .Pointer(item)
                    .Numbers(0, SelectedState | ExpandedState | BoxStates)
                    .Pointer(place)
                    .Numbers(Letter.Characters, 0, 0, 0));
        }

        /// <summary>TVM_GETITEMRECT wants the item where it then puts the rectangle.</summary>
        private Letter AboutPlace(long item)
        {
            const int GetRectangle = 0x1104;
            const int TextAlone = 1;
            return new Letter(GetRectangle, TextAlone, _ => this.Structure().Pointer(item).Numbers(0, 0, 0));
        }

        private Item Told(long number, Letter about, Letter place)
        {
            int state = about.Number(this.Memory.Wide ? 16 : 8);
            bool hasChildren = about.Number(this.Memory.Wide ? 44 : 32) != 0; // it says so, though nothing may be in it yet
            var item = new Item(number);
            item.Parent = this.Parent(number);
            item.Text = this.Memory.TextOf(about);
            item.Place = place.Result == 0 ? new Native.Rectangle() : this.InView(place.Rectangle);
            item.Selected = (state & SelectedState) != 0;
            item.Checked = this.hasBoxes ? ((state & BoxStates) >> 12) - 1 : -1;
            item.Expanded = !hasChildren ? -1 : (state & ExpandedState) != 0 ? 1 : 0;
            return item;
        }
    }
}
