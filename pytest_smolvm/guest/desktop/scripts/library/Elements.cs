// What is in a window that is no window itself, as UI Automation tells of it.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;

    internal sealed class Elements
    {
        private const int Patience = 5000; // milliseconds, for the first time that it is asked
        private readonly Deadline deadline;
        private readonly Messages messages;
        private HashSet<string> told = new HashSet<string>();

        internal Elements(Deadline deadline, Messages messages)
        {
            this.deadline = deadline;
            this.messages = messages;
        }

        /// <summary>
        /// Add to what is said of a window what its provider says: of the window itself, where its class tells nothing, and of
        /// what is in it. Windows in it are left out: each is asked by itself.
        /// </summary>
        internal void Add(Json control, IntPtr window, Kind kind)
        {
            try
            {
                Reading reading = this.Read(window, kind);
                this.told = reading.Told;
                reading.Tell(control);
            }
            catch (Refusal refusal)
            {
                if (refusal.Kind == Refusal.Silent || (refusal.Kind == Refusal.Gone && !Native.IsWindow(window)))
                {
                    throw;
                }

                control.Add("elements", new Json[0]).Add("unknown", refusal.Message);
            }
        }

        /// <summary>
        /// Ask, and ask anew what does not answer: a question may get lost between processes whose threads begin and end (wine 10.0
        /// loses some on a busy computer), and the next one is answered at once.
        /// </summary>
        private Reading Read(IntPtr window, Kind kind)
        {
            for (int patience = Patience; true; patience *= 2)
            {
                this.messages.Ping(window); // asking one that hangs would cost more
                try
                {
                    var slice = new Deadline(Math.Min(patience, this.deadline.Left));
                    return Automator.Ask(slice, automator => Reading.Of(automator, window, kind, this.told));
                }
                catch (Refusal refusal)
                {
                    if (refusal.Kind != Refusal.Silent || this.deadline.Left == 0)
                    {
                        throw;
                    }
                }
            }
        }
    }
}
