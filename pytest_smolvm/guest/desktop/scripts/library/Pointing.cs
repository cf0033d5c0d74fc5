// Clicks and keys for something that a window draws itself.
namespace SmolVM.Desktop
{
    using System;

    internal sealed class Pointing
    {
        private readonly IntPtr window;
        private readonly Deadline deadline;
        private readonly Hands hands;

        internal Pointing(IntPtr window, Deadline deadline)
        {
            this.window = window;
            this.deadline = deadline;
            this.hands = new Hands(window, deadline);
        }

        internal Json Click(Automator automator, Element element, string button, int times)
        {
            Native.Point place = this.Reach(automator, element);
            this.hands.Press(place, place.Equals(element.Place.Middle) ? place.X - element.Place.Left : 0, button, times);
            return new Json().Add("by", "input");
        }

        /// <summary>Have keys go to it, by a click if it cannot be told to take them.</summary>
        internal Json Focus(Automator automator, Element element)
        {
            this.hands.ToFront();
            if (!element.Focus())
            {
                return this.Click(automator, element, "left", 1);
            }

            this.hands.Settle();
            return new Json().Add("by", "SetFocus");
        }

        internal Json Keys(Automator automator, Element element, Action<Input> type)
        {
            this.Focus(automator, element);
            type(new Input(this.window, this.deadline));
            this.hands.Settle();
            return new Json().Add("by", "input");
        }

        /// <summary>
        /// Where a person would click on it, with its window in front: in its middle, or where its provider says. Whatever is there
        /// has to be it, or a part of it.
        /// </summary>
        internal Native.Point Reach(Automator automator, Element element)
        {
            this.InView(element);
            this.hands.ToFront();
            Native.Point place = element.Place.Middle;
            string covering = this.Covering(automator, element, place);
            Native.Point? other = covering.Length > 0 ? element.Clickable : null;
            if (other != null && !other.Value.Equals(place))
            {
                place = other.Value;
                covering = this.Covering(automator, element, place);
            }

            if (covering.Length > 0)
            {
                throw new Refusal(Refusal.NotNow, "it is covered: at (" + place.X + ", " + place.Y + ") there is " + covering);
            }

            return place;
        }

        private void InView(Element element)
        {
            if (!element.Place.IsEmpty)
            {
                return;
            }

            var scroll = element.As<IScrollItemPattern>(Patterns.ScrollItem);
            if (scroll != null)
            {
                scroll.ScrollIntoView();
                throw new Refusal(Refusal.NotNow, "it was out of view");
            }

            throw new Refusal(Refusal.NotNow, "it is out of view");
        }

        /// <summary>What is in front of it at a place; empty if nothing is. What drops down may be a window of its own.</summary>
        private string Covering(Automator automator, Element element, Native.Point place)
        {
            int process;
            IntPtr hit = Native.WindowFromPoint(place);
            bool isInside = hit == this.window || Native.IsChild(this.window, hit);
            bool isOfIt = isInside
                || Native.GetWindowThreadProcessId(hit, out process) == Native.GetWindowThreadProcessId(this.window, out process);
            Element there = isOfIt ? automator.At(place) : null;
            if (there == null)
            {
                return isInside ? string.Empty : "a " + Kind.ClassOf(hit);
            }

            // Labels let clicks through, and are told of as what they label.
            bool isIt = element.Type == "Text" || (there.Numbers.Length > 0 ? automator.Find(element, there.Identity) != null : there.Look == element.Look);
            return isIt ? string.Empty : "the " + there.Type + " \"" + there.Name + "\"";
        }
    }
}
