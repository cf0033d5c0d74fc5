// UI Automation, asked on a thread of its own: a provider runs in its program, and may hang as that does.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Linq;
    using System.Runtime.ExceptionServices;
    using System.Runtime.InteropServices;
    using System.Threading;

    internal sealed class Automator : IDisposable
    {
        internal const int Children = 2;
        internal const int Descendants = 4;
        private const string Silence = "the window's provider for UI Automation does not answer";
        private static readonly Thread Apartment = Kept();
        private static bool? knowsParts;
        private static object last;
        private readonly IAutomation automation;
        private readonly ICacheRequest request;
        private readonly ICondition all; // those of the view of controls, where a cache request says no other
        private readonly Deadline deadline;
        private readonly List<object> given = new List<object>();

        private Automator(Deadline deadline)
        {
            this.deadline = deadline;
            this.automation = this.Given(Created(deadline.Left));
            this.request = this.Given(this.automation.CreateCacheRequest());
            foreach (int property in Element.Properties)
            {
                this.request.AddProperty(property);
            }

            this.all = this.Given(this.automation.CreateTrueCondition());
        }

        /// <summary>
        /// Ask it something, until the deadline. A provider that does not answer until then is a refusal; the thread waits on for
        /// it, and ends when it answers or its program does.
        /// </summary>
        /// <param name="question">What it gives holds no element: they are let go when it has been answered.</param>
        internal static T Ask<T>(Deadline deadline, Func<Automator, T> question)
        {
            T answer = default(T);
            bool returned = Returns(deadline, () =>
            {
                using (var automator = new Automator(deadline))
                {
                    answer = question(automator);
                }
            });
            if (!returned)
            {
                throw Silent();
            }

            return answer;
        }

        /// <summary>
        /// Whether it has providers of its own for what Windows draws, as menus and the parts of tool bars. wine (10.0) has none, and
        /// takes as long to say so each time as for ten other questions.
        /// </summary>
        internal static bool KnowsParts(Deadline deadline)
        {
            knowsParts = knowsParts ?? Ask(deadline, automator => automator.HasProxies);
            return knowsParts.Value;
        }

        /// <summary>Whether something that a provider does is done at the deadline. What it throws is what it means.</summary>
        internal static bool Returns(Deadline deadline, Action action)
        {
            GC.KeepAlive(Apartment); // begun with the first question
            Exception fault = null;
            var thread = new Thread(() =>
            {
                try
                {
                    action();
                }
                catch (Exception exc)
                {
                    fault = Meant(exc);
                }
            });
            Began(thread);
            if (!thread.Join(deadline.Left))
            {
                return false;
            }

            if (fault != null)
            {
                ExceptionDispatchInfo.Capture(fault).Throw();
            }

            return true;
        }

        /// <summary>What a failure means: a refusal if it is none of ours.</summary>
        internal static Exception Meant(Exception fault)
        {
            switch (unchecked((uint)fault.HResult))
            {
                case 0x80040201: // UIA_E_ELEMENTNOTAVAILABLE
                case 0x80010108: // RPC_E_DISCONNECTED
                case 0x800706BA: // RPC_S_SERVER_UNAVAILABLE
                case 0x800706BE: // RPC_S_CALL_FAILED
                    return new Refusal(Refusal.Gone, "it is not there any more");
                case 0x80131505: // UIA_E_TIMEOUT
                    return Silent();
                case 0x80040200: // UIA_E_ELEMENTNOTENABLED
                    return new Refusal(Refusal.NotNow, "it is disabled");
                default:
                    return fault is COMException || fault is InvalidOperationException || fault is UnauthorizedAccessException
                        ? new Refusal(Refusal.Never, "its provider for UI Automation refuses: " + fault.Message.Trim())
                        : fault;
            }
        }

        /// <summary>A window's own element, with what is asked of all.</summary>
        internal Element Of(IntPtr window)
        {
            IElement bare = this.automation.ElementFromHandle(window);
            var element = new Element(this.Given(bare.BuildUpdatedCache(this.request)));
            this.given.Add(Interlocked.Exchange(ref last, bare));
            return element;
        }

        /// <summary>What is at a place of the screen; null where that is not told: wine (10.0) does not.</summary>
        internal Element At(Native.Point place)
        {
            try
            {
                return new Element(this.Given(this.automation.ElementFromPointBuildCache(place, this.request)));
            }
            catch (NotImplementedException)
            {
                return null;
            }
        }

        /// <summary>All that are in an element, the nearest alone or however deep.</summary>
        internal Element[] In(Element element, int scope)
        {
            if (this.deadline.Left == 0)
            {
                throw Silent();
            }

            IElementArray found = this.Given(element.Raw.FindAllBuildCache(scope, this.all, this.request));
            var all = new Element[found == null ? 0 : found.GetLength()]; // wine has no array where there are none
            for (int i = 0; i < all.Length; i++)
            {
                all[i] = new Element(this.Given(found.GetElement(i)), element.WayTo(i));
            }

            return all;
        }

        /// <summary>The one in an element, or itself, of that identity; null if there is none.</summary>
        internal Element Find(Element element, string identity)
        {
            if (element.Identity == identity)
            {
                return element;
            }

            int[] numbers = Element.Parsed(identity);
            if (identity.StartsWith("/", StringComparison.Ordinal))
            {
                return numbers.Aggregate(element, (at, number) => at == null ? null : this.In(at, Children).ElementAtOrDefault(number));
            }

            ICondition same = this.Given(this.automation.CreatePropertyCondition(Element.RuntimeId, numbers));
            IElement found = element.Raw.FindFirstBuildCache(Descendants, same, this.request);
            return found == null ? null : new Element(this.Given(found));
        }

        /// <summary>
        /// Let all go that was given: left to the garbage collector, each is a call into another process some time. But not the last
        /// window's own element: with the last that anybody has, threads end in both processes, and each question would begin them anew.
        /// </summary>
        public void Dispose()
        {
            foreach (object thing in this.given.Where(each => each != null))
            {
                Marshal.ReleaseComObject(thing);
            }
        }

        private bool HasProxies
        {
            get
            {
                try
                {
                    return this.automation.GetProxyFactoryMapping() != null;
                }
                catch (NotImplementedException)
                {
                    return false;
                }
            }
        }

        private T Given<T>(T thing)
        {
            this.given.Add(thing);
            return thing;
        }

        /// <summary>
        /// Stays in the threads' apartment, which goes with the last that is in it: one that ends as the next begins would take away
        /// what that is about to use, and each would make the apartment anew.
        /// </summary>
        private static Thread Kept()
        {
            var there = new ManualResetEventSlim();
            var thread = new Thread(() =>
            {
                there.Set();
                Thread.Sleep(Timeout.Infinite);
            });
            Began(thread);
            there.Wait();
            return thread;
        }

        private static Refusal Silent()
        {
            return new Refusal(Refusal.Silent, Silence, "provider");
        }

        private static void Began(Thread thread)
        {
            thread.IsBackground = true;
            thread.SetApartmentState(ApartmentState.MTA); // Microsoft's advice to clients: they are to have no window
            thread.Start();
        }

        /// <summary>CUIAutomation8, which is there since Windows 8.</summary>
        private static IAutomation Created(int milliseconds)
        {
            var automation = (IAutomation)Activator.CreateInstance(Type.GetTypeFromCLSID(new Guid("e22ad333-b25f-460c-83d0-0581107395c9")));
            try
            {
                automation.PutConnectionTimeout(Math.Max(milliseconds, 1));
                automation.PutTransactionTimeout(Math.Max(milliseconds, 1));
            }
            catch (NotImplementedException)
            {
                // wine has none, and the thread's deadline is what counts
            }

            return automation;
        }
    }
}
