// What kind of control a window is, by its class and style: names are those of UI Automation.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Text;

    internal sealed class Kind
    {
        internal const int GetCheck = 0xF0;
        internal const int Report = 1;
        internal const int SmallList = 3;

        private static readonly Dictionary<string, string> Names = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            { "Edit", "Edit" },
            { "RichEdit20W", "Document" },
            { "RICHEDIT50W", "Document" },
            { "Static", "Text" },
            { "ComboBox", "ComboBox" },
            { "ComboBoxEx32", "ComboBox" },
            { "ListBox", "List" },
            { "ComboLBox", "List" },
            { "SysListView32", "List" },
            { "SysTreeView32", "Tree" },
            { "SysTabControl32", "Tab" },
            { "SysHeader32", "Header" },
            { "ScrollBar", "ScrollBar" },
            { "msctls_trackbar32", "Slider" },
            { "msctls_progress32", "ProgressBar" },
            { "msctls_statusbar32", "StatusBar" },
            { "msctls_updown32", "Spinner" },
            { "ToolbarWindow32", "ToolBar" },
        };

        private static readonly string[] Furnished = { "Menu", "ToolBar", "StatusBar", "Header" };

        private readonly string className;
        private readonly int style;

        internal Kind(IntPtr window)
        {
            const int Style = -16;
            const int Parent = 1;
            const int Child = 0x40000000;
            string name = ClassOf(window);
            this.className = Base(name);
            this.IsForms = name.StartsWith("WindowsForms10.", StringComparison.Ordinal);
            this.style = Native.GetWindowLongW(window, Style);
            this.IsTop = (this.style & Child) == 0 || Native.GetAncestor(window, Parent) == IntPtr.Zero;
        }

        internal bool IsTop { get; private set; }

        internal string Name
        {
            get
            {
                string name;
                return this.IsMenu ? "Menu" : this.IsTop ? "Window" : this.Is("Button") ? this.ButtonName : Names.TryGetValue(this.className, out name) ? name : "Pane";
            }
        }

        /// <summary>What drops down of a menu.</summary>
        internal bool IsMenu
        {
            get { return this.Is("#32768"); }
        }

        /// <summary>
        /// Whether its class does not tell what it is, or what is in it. A button that its program draws may be a check box: all
        /// those of Windows Forms are drawn.
        /// </summary>
        internal bool IsForeign
        {
            get { return this.Name == "Window" || this.Name == "Pane" || (this.Is("Button") && (this.style & 0xF) == 0xB); }
        }

        /// <summary>Whether it is one of Windows' own kinds that have parts, which are not asked for by messages here.</summary>
        internal bool IsFurnished
        {
            get { return Array.IndexOf(Furnished, this.Name) >= 0; }
        }

        /// <summary>One of Windows Forms: its name in the program is told by UI Automation alone.</summary>
        internal bool IsForms { get; private set; }

        /// <summary>An edit control for a password.</summary>
        internal bool IsSecret
        {
            get { return this.Is("Edit") && (this.style & 0x20) != 0; }
        }

        internal bool IsEditable
        {
            get { return (this.Is("Edit") || this.className.StartsWith("RichEdit", StringComparison.OrdinalIgnoreCase)) && (this.style & 0x800) == 0; }
        }

        internal bool IsCheckable
        {
            get { return this.Is("Button") && (this.ButtonName == "CheckBox" || this.ButtonName == "RadioButton"); }
        }

        /// <summary>A list box, or a combo box, of texts.</summary>
        internal bool IsChoice
        {
            get
            {
                const int OwnerDrawn = 0x30;
                int strings = this.Is("ComboBox") ? 0x200 : 0x40;
                return (this.IsListBox || this.Is("ComboBox")) && ((this.style & OwnerDrawn) == 0 || (this.style & strings) != 0);
            }
        }

        internal bool IsListView
        {
            get { return this.Is("SysListView32"); }
        }

        /// <summary>How a list view shows its items: icons, a report of columns, small icons, a list.</summary>
        internal int ListViewKind
        {
            get { return this.style & 3; }
        }

        internal bool IsTree
        {
            get { return this.Is("SysTreeView32"); }
        }

        internal bool HasTreeBoxes
        {
            get { return (this.style & 0x100) != 0; }
        }

        internal bool IsTab
        {
            get { return this.Is("SysTabControl32"); }
        }

        internal bool IsComboBox
        {
            get { return this.Is("ComboBox"); }
        }

        /// <summary>A list box where several items may be selected.</summary>
        internal bool IsMultiple
        {
            get { return this.IsListBox && (this.style & 0x808) != 0; }
        }

        /// <summary>Whether the items of a list box are in one column, and equal.</summary>
        internal bool IsOneBelowTheOther
        {
            get { return this.IsListBox && (this.style & 0x220) == 0; }
        }

        private bool IsListBox
        {
            get { return this.Is("ListBox") || this.Is("ComboLBox"); }
        }

        private string ButtonName
        {
            get
            {
                switch (this.style & 0xF)
                {
                    case 2: // BS_CHECKBOX
                    case 3: // BS_AUTOCHECKBOX
                    case 5: // BS_3STATE
                    case 6: // BS_AUTO3STATE
                        return "CheckBox";
                    case 4: // BS_RADIOBUTTON
                    case 9: // BS_AUTORADIOBUTTON
                        return "RadioButton";
                    case 7: // BS_GROUPBOX
                        return "Group";
                    default:
                        return "Button";
                }
            }
        }

        internal static string ClassOf(IntPtr window)
        {
            var name = new StringBuilder(256);
            Native.GetClassNameW(window, name, name.Capacity);
            return name.ToString();
        }

        /// <summary>Windows Forms calls an edit control WindowsForms10.EDIT.app.0.1a2b3c.</summary>
        private static string Base(string name)
        {
            string[] parts = name.Split('.');
            return parts.Length > 2 && parts[0] == "WindowsForms10" ? parts[1] : name;
        }

        private bool Is(string name)
        {
            return string.Equals(this.className, name, StringComparison.OrdinalIgnoreCase);
        }
    }
}
