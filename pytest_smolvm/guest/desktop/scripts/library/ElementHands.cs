// What is done to something that a window draws itself: as its provider for UI Automation does it, else as a person would.
namespace SmolVM.Desktop
{
    using System;
    using System.Linq;

    internal sealed class ElementHands
    {
        /// <summary>
        /// What a click invokes. An item of a list may say that it can be invoked, too, and then is opened as by a double click:
        /// Microsoft's "Invoke Control Pattern" has it so.
        /// </summary>
        private static readonly string[] Invoked = { "Button", "Hyperlink", "MenuItem", "SplitButton" };
        private readonly IntPtr window;
        private readonly Deadline deadline;
        private readonly Pointing pointing;

        internal ElementHands(IntPtr window, Deadline deadline)
        {
            Native.Rectangle place;
            Native.GetWindowRect(window, out place);
            if (Native.IsWindow(window) && !Native.IsWindowEnabled(window))
            {
                throw new Refusal(Refusal.NotNow, "what it is in is disabled, as by a dialog");
            }

            new Hands(window, deadline).Check(place);
            new Messages(deadline).Ping(window);
            this.window = window;
            this.deadline = deadline;
            this.pointing = new Pointing(window, deadline);
        }

        /// <summary>Do something, and say by what.</summary>
        /// <param name="identity">The element's.</param>
        /// <param name="seen">Where it was.</param>
        /// <param name="words">What to do, and with what.</param>
        internal string Do(string identity, Native.Rectangle seen, string[] words)
        {
            return Automator.Ask(this.deadline, automator => this.Done(automator, identity, seen, words).ToString());
        }

        private Json Done(Automator automator, string identity, Native.Rectangle seen, string[] words)
        {
            Element element = automator.Find(automator.Of(this.window), identity);
            if (element == null)
            {
                throw new Refusal(Refusal.Gone, "it is not there any more");
            }

            if (!element.Place.Equals(seen))
            {
                throw new Refusal(Refusal.NotNow, "it moves");
            }

            if (!element.Enabled)
            {
                throw new Refusal(Refusal.NotNow, "it is disabled");
            }

            switch (words[0])
            {
                case "click":
                    return this.Click(automator, element, words[1], int.Parse(words[2]));
                case "toggle":
                    return this.Toggle(automator, element);
                case "focus":
                    return this.pointing.Focus(automator, element);
                case "type":
                    return this.pointing.Keys(automator, element, input => Array.ForEach(words[1].ToCharArray(), input.Type));
                case "press":
                    return this.pointing.Keys(automator, element, input => input.Press(Array.ConvertAll(words[1].Split(' '), ushort.Parse)));
                case "fill":
                    return this.Fill(automator, element, words[1]);
                case "select":
                    return this.Select(automator, words.Length < 2 ? element : this.Choice(automator, element, words[1]));
                case "expand":
                case "collapse":
                    return this.Expand(element, words[0] == "expand");
                case "show":
                    return this.Show(element);
                default:
                    throw new Refusal(Refusal.Never, "that cannot be done to what its window draws itself");
            }
        }

        private Json Click(Automator automator, Element element, string button, int times)
        {
            bool isPlain = button == "left" && times == 1 && Array.IndexOf(Invoked, element.Type) >= 0;
            var invoke = isPlain ? element.As<IInvokePattern>(Patterns.Invoke) : null;
            if (invoke == null)
            {
                return this.pointing.Click(automator, element, button, times);
            }

            this.pointing.Reach(automator, element);
            return this.Begun("Invoke", invoke.Invoke);
        }

        private Json Toggle(Automator automator, Element element)
        {
            var choice = element.Type == "RadioButton" ? element.As<ISelectionItemPattern>(Patterns.SelectionItem) : null;
            var toggle = choice == null ? element.As<ITogglePattern>(Patterns.Toggle) : null;
            if (choice == null && toggle == null)
            {
                if (!element.IsCheckable)
                {
                    throw new Refusal(Refusal.Never, "nothing tells whether it is checked");
                }

                return this.pointing.Click(automator, element, "left", 1);
            }

            this.pointing.Reach(automator, element);
            return choice != null ? this.Begun("SelectionItem", choice.Select) : this.Begun("Toggle", toggle.Toggle);
        }

        private Json Select(Automator automator, Element element)
        {
            var choice = element.As<ISelectionItemPattern>(Patterns.SelectionItem);
            return choice == null ? this.pointing.Click(automator, element, "left", 1) : this.Begun("SelectionItem", choice.Select);
        }

        /// <summary>The item of this very text. A combo box may have its items only once it has dropped down.</summary>
        private Element Choice(Automator automator, Element list, string text)
        {
            Element[] all = automator.In(list, Automator.Descendants);
            var expansion = list.As<IExpandCollapsePattern>(Patterns.ExpandCollapse);
            if (all.All(each => each.Name != text) && expansion != null)
            {
                this.Begun("ExpandCollapse", expansion.Expand);
                all = automator.In(list, Automator.Descendants);
                this.Begun("ExpandCollapse", expansion.Collapse);
            }

            Element found = all.FirstOrDefault(each => each.Name == text);
            if (found == null)
            {
                string[] names = all.Select(each => each.Name).Where(name => name.Length > 0).ToArray();
                throw new Refusal(Refusal.NotNow, "it has no such item, but: " + string.Join(", ", names));
            }

            return found;
        }

        private Json Fill(Automator automator, Element element, string text)
        {
            const ushort Control = 0x11, A = 0x41;
            if (!element.IsEditable)
            {
                throw new Refusal(Refusal.NotNow, "it does not say that it can be written to");
            }

            var value = element.As<IValuePattern>(Patterns.Value);
            if (value == null)
            {
                return this.pointing.Keys(automator, element, input =>
                {
                    input.Press(new[] { Control, A });
                    Array.ForEach(text.Replace("\r\n", "\n").ToCharArray(), input.Type);
                });
            }

            Json done = this.Begun("Value", () => value.SetValue(text));
            Element now = automator.Find(automator.Of(this.window), element.Identity);
            if (now != null && now.Value != null && now.Value.Replace("\r\n", "\n") != text.Replace("\r\n", "\n"))
            {
                throw new Refusal(Refusal.Never, "it has made something else of it: " + now.Value);
            }

            return done;
        }

        private Json Expand(Element element, bool expanded)
        {
            var expansion = element.As<IExpandCollapsePattern>(Patterns.ExpandCollapse);
            if (expansion == null)
            {
                throw new Refusal(Refusal.Never, "its provider for UI Automation does not expand it");
            }

            return this.Begun("ExpandCollapse", expanded ? (Action)expansion.Expand : expansion.Collapse);
        }

        private Json Show(Element element)
        {
            var scroll = element.As<IScrollItemPattern>(Patterns.ScrollItem);
            if (scroll == null)
            {
                if (!element.Place.IsEmpty)
                {
                    return new Json(); // it is in view
                }

                throw new Refusal(Refusal.Never, "its provider for UI Automation does not scroll it into view");
            }

            return this.Begun("ScrollItem", scroll.ScrollIntoView);
        }

        /// <summary>
        /// Have a provider do something. One that shows a dialog may return only when that is closed (those of Windows Forms do):
        /// it has done it then, too, if its program goes on answering.
        /// </summary>
        private Json Begun(string pattern, Action action)
        {
            const int Usual = 2000; // milliseconds
            var usual = new Deadline(Math.Min(Usual, this.deadline.Left));
            bool returned = Automator.Returns(usual, action);
            new Hands(this.window, this.deadline).Settle();
            return new Json().Add("by", returned ? pattern : pattern + ", which has not returned yet");
        }
    }
}
