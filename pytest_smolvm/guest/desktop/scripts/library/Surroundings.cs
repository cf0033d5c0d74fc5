// What belongs to a window.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;

    internal static class Surroundings
    {
        private static readonly Dictionary<string, bool> Known = new Dictionary<string, bool>();

        /// <summary>Windows in a window, however deep, that can be seen.</summary>
        internal static List<IntPtr> Inside(IntPtr window)
        {
            var handles = new List<IntPtr>();
            Native.Visitor visit = (found, about) =>
            {
                if (Native.IsWindowVisible(found))
                {
                    handles.Add(found);
                }

                return true;
            };
            Native.EnumChildWindows(window, visit, IntPtr.Zero);
            return handles;
        }

        /// <summary>Whether UI Automation may know more of a window, of this kind, than its class tells.</summary>
        internal static bool IsMore(IntPtr window, Kind kind, Deadline deadline)
        {
            bool hasParts = kind.IsFurnished || (kind.IsTop && Native.GetMenu(window) != IntPtr.Zero);
            return kind.IsForms || (kind.IsForeign && Answers(window, deadline)) || (hasParts && Automator.KnowsParts(deadline));
        }

        /// <summary>
        /// Whether a window's program answers for it, for UI Automation or for Active Accessibility. Else there is nothing to learn:
        /// what Windows itself tells of a window is known by messages, and asking wine (10.0) takes as long as all of a look. That is
        /// so or not as long as there is the window, and asked once, since who answers keeps something for who has asked.
        /// </summary>
        private static bool Answers(IntPtr window, Deadline deadline)
        {
            const int GetObject = 0x3D, Root = -25, Client = -4;
            int process;
            int thread = Native.GetWindowThreadProcessId(window, out process);
            string asked = string.Join(" ", window, process, thread, Kind.ClassOf(window)); // numbers are given again
            lock (Known)
            {
                bool known;
                if (Known.TryGetValue(asked, out known))
                {
                    return known;
                }
            }

            var messages = new Messages(deadline);
            bool answers = messages.Ask(window, GetObject, 0, Root) != 0 || messages.Ask(window, GetObject, 0, Client) != 0;
            lock (Known)
            {
                Known[asked] = answers;
            }

            return answers;
        }

        /// <summary>
        /// Whether it is a window of this process, as a script may have opened one. Microsoft warns clients of UI Automation of asking
        /// for their own ("Understanding Threading Issues").
        /// </summary>
        internal static bool IsOurs(IntPtr window)
        {
            int process;
            Native.GetWindowThreadProcessId(window, out process);
            return process == Native.GetCurrentProcessId();
        }

        /// <summary>The menus of its program that are open: they are windows of the desktop, which its thread owns.</summary>
        internal static IList<IntPtr> Menus(IntPtr window)
        {
            int process;
            int thread = Native.GetWindowThreadProcessId(window, out process);
            var menus = new List<IntPtr>();
            Native.Visitor visit = (found, about) =>
            {
                if (found != window && Native.GetWindowThreadProcessId(found, out process) == thread && Native.IsWindowVisible(found) && new Kind(found).IsMenu)
                {
                    menus.Add(found);
                }

                return true;
            };
            Native.EnumWindows(visit, IntPtr.Zero);
            return menus;
        }
    }
}
