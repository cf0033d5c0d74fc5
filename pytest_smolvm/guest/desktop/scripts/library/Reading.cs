// One answer of a window's provider for UI Automation, put together by the thread that asks.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Linq;

    internal sealed class Reading
    {
        internal const string Unknown = "nothing tells what is in it";
        private const int Most = 1000; // of one window: a page of a browser may have any number
        private static readonly string[] Frames = { "TitleBar", "ScrollBar" }; // no more than a classic window's, which are not told of either
        private readonly Kind kind;
        private readonly List<Json> found = new List<Json>();
        private Json own;
        private string id;

        private Reading(Kind kind, IEnumerable<string> told)
        {
            this.kind = kind;
            this.Told = new HashSet<string>(told);
        }

        /// <summary>What no other window is to tell again.</summary>
        internal HashSet<string> Told { get; private set; }

        internal static Reading Of(Automator automator, IntPtr window, Kind kind, IEnumerable<string> told)
        {
            var reading = new Reading(kind, told);
            Element own = automator.Of(window);
            reading.Told.Add(own.Look);
            if (kind.IsForeign || kind.IsFurnished)
            {
                reading.Walk(automator, own, 0);
                reading.own = kind.IsTop || own.Type == kind.Name || own.Type == "Window" ? null : own.Json;
            }

            reading.id = kind.IsForms ? own.AutomationId : null;
            return reading;
        }

        /// <summary>Add it to what is said of the window.</summary>
        internal void Tell(Json control)
        {
            control.Add("elements", this.found);
            if (this.own != null)
            {
                control.Add("own", this.own);
            }

            if (this.id != null)
            {
                control.Add("automation_id", this.id);
            }

            if (this.found.Count >= Most)
            {
                control.Add("unknown", "it has more than " + Most + " elements, the first of which are read");
            }
            else if (this.kind.IsMenu && this.found.Count == 0)
            {
                control.Add("unknown", Unknown);
            }
        }

        /// <param name="parent">The number of the element; 0 for the window's own.</param>
        private void Walk(Automator automator, Element element, int parent)
        {
            // All before what is in them: wine (10.0) gives those that follow one as being in it, if nothing is.
            foreach (Element each in In(automator, element).Where(this.IsToTell).ToList())
            {
                if (this.found.Count < Most)
                {
                    int number = this.found.Count + 1;
                    this.found.Add(each.Json.Add("number", number).Add("parent", parent));
                    this.Walk(automator, each, number);
                }
            }
        }

        private bool IsToTell(Element element)
        {
            bool isOther = element.Window != IntPtr.Zero || Array.IndexOf(Frames, element.Type) >= 0;
            return !isOther && this.Told.Add(element.Look);
        }

        /// <summary>What is in an element; nothing once it is gone.</summary>
        private static Element[] In(Automator automator, Element element)
        {
            try
            {
                return automator.In(element, Automator.Children);
            }
            catch (Exception exc)
            {
                var refusal = Automator.Meant(exc) as Refusal;
                if (refusal == null || refusal.Kind != Refusal.Gone)
                {
                    throw;
                }

                return new Element[0];
            }
        }
    }
}
