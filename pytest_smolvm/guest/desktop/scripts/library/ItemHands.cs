// What is done to an item of a control, and 0 stands for the control itself.
namespace SmolVM.Desktop
{
    using System;

    internal sealed class ItemHands : IDisposable
    {
        private const int BoxRoom = 6; // pixels: the images of boxes have 16 or more
        private readonly Hands hands;
        private readonly Items items;

        internal ItemHands(IntPtr window, Deadline deadline)
        {
            Native.Rectangle place;
            Native.GetWindowRect(window, out place);
            this.hands = new Hands(window, deadline);
            this.hands.Check(place);
            this.items = Items.Of(window, new Messages(deadline));
            if (this.items == null)
            {
                throw new Refusal(Refusal.Never, "it has no items");
            }
        }

        public void Dispose()
        {
            this.items.Dispose();
        }

        /// <param name="item">Its number.</param>
        /// <param name="text">Its text when it was seen: numbers are given anew where items come and go.</param>
        /// <param name="seen">Where it was.</param>
        /// <param name="words">What to do, and with what.</param>
        internal void Do(long item, string text, Native.Rectangle seen, string[] words)
        {
            if (item == 0 && words[0] != "expand" && words[0] != "collapse")
            {
                throw new Refusal(Refusal.Never, "it is no item");
            }

            if (item != 0 && this.Seen(item).Text != text)
            {
                throw new Refusal(Refusal.Gone, "another item has taken its place");
            }

            switch (words[0])
            {
                case "click":
                    this.Click(item, seen, words[1], int.Parse(words[2]));
                    break;
                case "select":
                    this.items.Select(item);
                    break;
                case "show":
                    this.items.Show(item);
                    break;
                case "expand":
                case "collapse":
                    this.items.Expand(item, words[0] == "expand");
                    break;
                case "toggle":
                    this.hands.Click(this.Box(item), BoxRoom, "left", 1);
                    break;
                default:
                    throw new Refusal(Refusal.Never, "it is an item: that can be done to what it is in alone");
            }
        }

        private void Click(long item, Native.Rectangle seen, string button, int times)
        {
            Native.Rectangle place = this.InView(item);
            if (!place.Equals(seen))
            {
                throw new Refusal(Refusal.NotNow, "it moves");
            }

            this.hands.Click(place.Middle, place.Middle.X - place.Left, button, times);
        }

        private Native.Point Box(long item)
        {
            this.InView(item);
            return this.items.Box(item);
        }

        private Native.Rectangle InView(long item)
        {
            Native.Rectangle place = this.Seen(item).Place;
            if (place.IsEmpty)
            {
                this.items.Show(item);
                throw new Refusal(Refusal.NotNow, "it was out of view");
            }

            return place;
        }

        private Item Seen(long item)
        {
            return this.items.Read(new[] { item })[0];
        }
    }
}
