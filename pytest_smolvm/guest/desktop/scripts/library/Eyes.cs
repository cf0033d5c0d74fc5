// What is on the desktop: windows, and the controls of one of them.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Text;

    internal sealed class Eyes
    {
        private readonly Deadline deadline;
        private readonly Messages messages;
        private readonly Elements elements;
        private readonly IEnumerable<string> wanted;
        private Dictionary<int, int> parents;

        /// <param name="wanted">Texts of items that are to be found, wherever in their controls they are.</param>
        internal Eyes(Deadline deadline, IEnumerable<string> wanted)
        {
            this.deadline = deadline;
            this.messages = new Messages(deadline);
            this.elements = new Elements(deadline, this.messages);
            this.wanted = wanted;
        }

        /// <summary>
        /// Windows from the front to the back, and of one of them its controls, if it is there. If none is asked for, the windows
        /// come with the processes that theirs come from, which takes a while.
        /// </summary>
        internal string Look(IntPtr window)
        {
            this.parents = window == IntPtr.Zero ? Parents() : new Dictionary<int, int>();
            var windows = new List<Json>();
            Native.Visitor visit = (found, about) =>
            {
                if (Native.IsWindowVisible(found))
                {
                    windows.Add(this.Window(found));
                }

                return true;
            };
            Native.EnumWindows(visit, IntPtr.Zero);
            var answer = new Json().Add("windows", windows);
            return (Native.IsWindow(window) ? answer.Add("controls", this.Controls(window)) : answer).ToString();
        }

        internal static Json Placed(Json json, Native.Rectangle place)
        {
            return json
                .Add("left", place.Left)
                .Add("top", place.Top)
                .Add("width", place.Right - place.Left)
                .Add("height", place.Bottom - place.Top);
        }

        /// <summary>Who has started whom.</summary>
        private static Dictionary<int, int> Parents()
        {
            const int Processes = 2;
            var parents = new Dictionary<int, int>();
            var entry = new Native.ProcessEntry();
            entry.Size = System.Runtime.InteropServices.Marshal.SizeOf(typeof(Native.ProcessEntry));
            IntPtr snapshot = Native.CreateToolhelp32Snapshot(Processes, 0);
            for (bool more = Native.Process32FirstW(snapshot, ref entry); more; more = Native.Process32NextW(snapshot, ref entry))
            {
                parents[entry.Process] = entry.Parent;
            }

            Native.CloseHandle(snapshot);
            return parents;
        }

        /// <summary>The file name of a process's program; empty if it has ended, or may not be asked.</summary>
        private static string Program(int process)
        {
            const int QueryLimitedInformation = 0x1000;
            IntPtr handle = Native.OpenProcess(QueryLimitedInformation, false, process);
            if (handle == IntPtr.Zero)
            {
                return string.Empty;
            }

            var name = new StringBuilder(1024);
            int size = name.Capacity;
            bool known = Native.QueryFullProcessImageNameW(handle, 0, name, ref size);
            Native.CloseHandle(handle);
            return known ? Path.GetFileName(name.ToString()) : string.Empty;
        }

        /// <summary>Its title is the one that Windows keeps: its program is not asked, and may hang.</summary>
        private Json Window(IntPtr window)
        {
            var title = new StringBuilder(1024);
            Native.GetWindowTextW(window, title, title.Capacity);
            int process;
            Native.GetWindowThreadProcessId(window, out process);
            return Places(new Json().Add("handle", window.ToInt64()), window)
                .Add("title", title.ToString())
                .Add("process", process)
                .Add("ancestors", this.Ancestors(process))
                .Add("program", Program(process))
                .Add("front", Native.GetForegroundWindow() == window);
        }

        /// <summary>The processes that a process comes from, nearest first.</summary>
        private string Ancestors(int process)
        {
            const int Generations = 16; // numbers are given again: there may be a circle
            var found = new List<int>();
            int parent;
            while (found.Count < Generations && this.parents.TryGetValue(process, out parent))
            {
                found.Add(parent);
                process = parent;
            }

            return string.Join(" ", found);
        }

        /// <summary>Those that can be seen, as UI Automation has it: what is hidden is no part of a window.</summary>
        private List<Json> Controls(IntPtr window)
        {
            List<IntPtr> handles = Surroundings.Inside(window);
            bool isAsked = !Surroundings.IsOurs(window);
            handles.Insert(0, window);
            handles.AddRange(Surroundings.Menus(window));
            IntPtr focus = Hands.Focused(window);
            var controls = new List<Json>();
            foreach (IntPtr handle in handles)
            {
                try
                {
                    controls.Add(this.Control(handle, window, focus, isAsked));
                }
                catch (Refusal refusal)
                {
                    bool isLeaving = refusal.Kind == Refusal.Gone && handle != window; // as of a page that is turned
                    if (!isLeaving && Native.IsWindow(handle))
                    {
                        throw;
                    }
                }
            }

            return controls;
        }

        /// <param name="isAsked">Whether its provider for UI Automation is to be asked, if its class does not tell all.</param>
        private Json Control(IntPtr handle, IntPtr window, IntPtr focus, bool isAsked)
        {
            const int Parent = 1;
            var kind = new Kind(handle);
            Json control = Places(new Json().Add("handle", handle.ToInt64()), handle)
                .Add("parent", (kind.IsMenu ? window : Native.GetAncestor(handle, Parent)).ToInt64())
                .Add("control_type", kind.Name)
                .Add("id", kind.IsTop ? 0 : Native.GetDlgCtrlID(handle))
                .Add("checked", kind.IsCheckable ? this.messages.Send(handle, Kind.GetCheck) : -1)
                .Add("focused", handle == focus)
                .Add("editable", kind.IsEditable);
            if (isAsked && Surroundings.IsMore(handle, kind, this.deadline))
            {
                this.elements.Add(control, handle, kind);
            }
            else if (kind.IsMenu)
            {
                control.Add("unknown", Reading.Unknown);
            }

            return kind.IsSecret ? control.Add("text", (string)null) : this.WithText(control, handle);
        }

        /// <summary>With its text, and its items if it has some.</summary>
        private Json WithText(Json control, IntPtr handle)
        {
            try
            {
                using (Items items = Items.Of(handle, this.messages))
                {
                    return items == null ? control.Add("text", this.messages.Text(handle)) : items.Told(control, this.wanted);
                }
            }
            catch (Refusal refusal)
            {
                if (refusal.Kind != Refusal.Never)
                {
                    throw;
                }

                return control.Add("text", string.Empty).Add("unread", refusal.Message);
            }
        }

        private static Json Places(Json json, IntPtr window)
        {
            Native.Rectangle place;
            Native.GetWindowRect(window, out place);
            return Placed(json, place).Add("class_name", Kind.ClassOf(window)).Add("enabled", Native.IsWindowEnabled(window));
        }
    }
}
