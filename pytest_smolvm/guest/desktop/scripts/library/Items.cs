// The items of a control, which have no windows: it draws them itself. Each has a number that is never 0.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Linq;

    internal abstract class Items : IDisposable
    {
        /// <summary>How many are read of one control, and how many more if they are looked for: each takes some messages.</summary>
        protected const int Most = 20;
        private int? count;

        protected Items(IntPtr window, Messages messages)
        {
            this.Window = window;
            this.Messages = messages;
        }

        /// <summary>How many there are, also of those that are not read.</summary>
        internal int Count
        {
            get
            {
                this.count = this.count ?? this.Counted;
                return this.count.Value;
            }
        }

        /// <summary>Whether what is in it drops down: 1 or 0, and -1 if it never does.</summary>
        internal virtual int Dropped
        {
            get { return -1; }
        }

        /// <summary>Why an item of a text that was looked for may be there, though it was not found; empty if none can.</summary>
        protected virtual string Unsearched
        {
            get { return string.Empty; }
        }

        protected IntPtr Window { get; private set; }

        protected Messages Messages { get; private set; }

        protected abstract int Counted { get; }

        /// <summary>The item that is selected, the first if there are several; 0 if none is.</summary>
        protected abstract long Current { get; }

        /// <summary>Those of a control; null if it is of a kind that has none.</summary>
        internal static Items Of(IntPtr window, Messages messages)
        {
            var kind = new Kind(window);
            return kind.IsListView ? new Rows(window, messages)
                : kind.IsTree ? new Branches(window, messages)
                : kind.IsTab ? new Pages(window, messages)
                : kind.IsChoice ? (Items)new Choice(window, messages) : null;
        }

        public abstract void Dispose();

        /// <summary>All, if they are few, else those from the first in view on.</summary>
        internal abstract IList<long> Some();

        /// <summary>Items as they are. Of one that is not there any more there is no text.</summary>
        internal abstract IList<Item> Read(IList<long> items);

        /// <summary>The items of this very text, in their order.</summary>
        internal abstract IEnumerable<long> Find(string text);

        internal abstract void Select(long item);

        /// <summary>Bring it into view.</summary>
        internal abstract void Show(long item);

        internal virtual void Expand(long item, bool expanded)
        {
            throw new Refusal(Refusal.Never, "it cannot be expanded");
        }

        /// <summary>The middle of its check box.</summary>
        internal virtual Native.Point Box(long item)
        {
            throw new Refusal(Refusal.Never, "it has no check box");
        }

        /// <summary>What is selected, how many items there are, and some of them, as a part of what is said of the control.</summary>
        /// <param name="wanted">Texts of items that are among them, wherever they are.</param>
        internal Json Told(Json control, IEnumerable<string> wanted)
        {
            IList<long> some = this.Some();
            bool areAll = this.AreAll(some);
            List<long> others = areAll ? new List<long>() : wanted.SelectMany(text => this.Find(text).Take(Most)).ToList();
            IList<Item> items = this.Read(this.InOrder(some.Union(others)).ToList());
            if (this.Unsearched.Length > 0)
            {
                control.Add("unread", this.Unsearched);
            }

            return control
                .Add("text", this.Chosen(items))
                .Add("expanded", this.Dropped)
                .Add("items", this.Count)
                .Add("partial", !areAll)
                .Add("inside", items.Select(item => item.Json));
        }

        /// <summary>Whether no item is to be found besides these.</summary>
        protected virtual bool AreAll(IList<long> some)
        {
            return some.Count >= this.Count;
        }

        protected virtual IEnumerable<long> InOrder(IEnumerable<long> items)
        {
            return items.OrderBy(item => item);
        }

        /// <summary>What is selected or was typed.</summary>
        protected virtual string Chosen(IList<Item> read)
        {
            long current = this.Current;
            Item found = read.FirstOrDefault(item => item.Number == current);
            return current == 0 ? string.Empty : (found ?? this.Read(new[] { current })[0]).Text;
        }

        /// <summary>A rectangle of the control on the screen, as far as it is in view.</summary>
        protected Native.Rectangle InView(Native.Rectangle place)
        {
            Native.Rectangle all;
            Native.GetClientRect(this.Window, out all);
            place.Left = Math.Max(place.Left, all.Left);
            place.Top = Math.Max(place.Top, all.Top);
            place.Right = Math.Min(place.Right, all.Right);
            place.Bottom = Math.Min(place.Bottom, all.Bottom);
            return place.IsEmpty ? new Native.Rectangle() : place.Moved(this.OnScreen(0, 0));
        }

        protected Native.Point OnScreen(int x, int y)
        {
            var point = new Native.Point();
            point.X = x;
            point.Y = y;
            Native.ClientToScreen(this.Window, ref point);
            return point;
        }

        /// <summary>Some, where items are numbered through from 1.</summary>
        /// <param name="first">How many are before the first in view.</param>
        protected IList<long> From(int first)
        {
            int start = Math.Max(0, Math.Min(first, this.Count - Most));
            return Enumerable.Range(start + 1, Math.Min(this.Count - start, Most)).Select(number => (long)number).ToList();
        }
    }
}
