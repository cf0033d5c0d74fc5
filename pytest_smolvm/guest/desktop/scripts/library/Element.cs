// Something that a window draws itself, as its provider for UI Automation tells of it at one moment.
namespace SmolVM.Desktop
{
    using System;
    using System.Collections.Generic;
    using System.Globalization;
    using System.Linq;

    internal sealed class Element
    {
        internal const int RuntimeId = 30000;
        private const int BoundingRectangle = 30001;
        private const int ControlType = 30003;
        private const int NameOf = 30005;
        private const int HasKeyboardFocus = 30008;
        private const int IsEnabled = 30010;
        private const int AutomationIdOf = 30011;
        private const int ClassName = 30012;
        private const int ClickablePoint = 30014;
        private const int IsPassword = 30019;
        private const int NativeWindowHandle = 30020;
        private const int IsOffscreen = 30022;
        private const int ValueOf = 30045;
        private const int ValueIsReadOnly = 30046;
        private const int ExpandCollapseState = 30070;
        private const int SelectionItemIsSelected = 30079;
        private const int ToggleState = 30086;

        /// <summary>What is asked of each.</summary>
        internal static readonly int[] Properties =
        {
            RuntimeId, BoundingRectangle, ControlType, NameOf, HasKeyboardFocus, IsEnabled, AutomationIdOf, ClassName, IsPassword,
            NativeWindowHandle, IsOffscreen, ValueOf, ValueIsReadOnly, ExpandCollapseState, SelectionItemIsSelected, ToggleState,
        };

        private const int FirstType = 50000;

        private static readonly string[] Types =
        {
            "Button", "Calendar", "CheckBox", "ComboBox", "Edit", "Hyperlink", "Image", "ListItem", "List", "Menu", "MenuBar", "MenuItem",
            "ProgressBar", "RadioButton", "ScrollBar", "Slider", "Spinner", "StatusBar", "Tab", "TabItem", "Text", "ToolBar", "ToolTip", "Tree",
            "TreeItem", "Custom", "Group", "Thumb", "DataGrid", "DataItem", "Document", "SplitButton", "Window", "Pane", "Header", "HeaderItem",
            "Table", "TitleBar", "Separator", "SemanticZoom", "AppBar",
        };

        private readonly Dictionary<int, object> known = new Dictionary<int, object>();

        private readonly string way;

        /// <param name="way">How it is come to from its window's own: a number of each that it is in, after a stroke.</param>
        internal Element(IElement native, string way = "")
        {
            this.Raw = native;
            this.way = way;
        }

        internal IElement Raw { get; private set; }

        /// <summary>What no other element of its window has at the same moment. Some have no numbers: they go by the way to them.</summary>
        internal string Identity
        {
            get { return this.Numbers.Length > 0 ? string.Join(".", this.Numbers) : this.way; }
        }

        /// <summary>What it is and where: of those without numbers, two that agree in it are one.</summary>
        internal string Look
        {
            get { return this.Numbers.Length > 0 ? this.Identity : string.Join("\n", this.Type, this.Name, this.AutomationId, this.Place.Left, this.Place.Top); }
        }

        internal int[] Numbers
        {
            get { return (this[RuntimeId] as int[]) ?? new int[0]; }
        }

        /// <summary>UI Automation's word.</summary>
        internal string Type
        {
            get
            {
                int type = ((this[ControlType] as int?) ?? 0) - FirstType;
                return type >= 0 && type < Types.Length ? Types[type] : "Custom";
            }
        }

        internal string Name
        {
            get { return (this[NameOf] as string) ?? string.Empty; }
        }

        internal string AutomationId
        {
            get { return (this[AutomationIdOf] as string) ?? string.Empty; }
        }

        internal bool Enabled
        {
            get { return (this[IsEnabled] as bool?) ?? true; }
        }

        /// <summary>Where it is on the screen, as far as it is in view: what it says to be off-screen takes no room.</summary>
        internal Native.Rectangle Place
        {
            get
            {
                var sides = this[BoundingRectangle] as double[];
                var place = new Native.Rectangle();
                bool isOff = (this[IsOffscreen] as bool?) ?? false;
                if (sides == null || sides.Length < 4 || isOff || sides.Any(side => double.IsNaN(side) || Math.Abs(side) > int.MaxValue))
                {
                    return place; // it says that it is infinite where it is empty
                }

                place.Left = (int)sides[0];
                place.Top = (int)sides[1];
                place.Right = (int)(sides[0] + sides[2]);
                place.Bottom = (int)(sides[1] + sides[3]);
                return place;
            }
        }

        /// <summary>Its window; zero if it has none of its own.</summary>
        internal IntPtr Window
        {
            get { return new IntPtr((this[NativeWindowHandle] as int?) ?? 0); }
        }

        /// <summary>What was entered; null of a password, and of what has none.</summary>
        internal string Value
        {
            get { return this.IsSecret ? null : this[ValueOf] as string; }
        }

        /// <summary>Whether it says that it can be written to.</summary>
        internal bool IsEditable
        {
            get { return this[ValueIsReadOnly] as bool? == false; }
        }

        /// <summary>Whether it says if it is checked.</summary>
        internal bool IsCheckable
        {
            get { return this.Checked >= 0; }
        }

        internal bool IsSecret
        {
            get { return this[IsPassword] as bool? == true; }
        }

        /// <summary>Where it says that it is to be clicked, asked now; null if it does not say.</summary>
        internal Native.Point? Clickable
        {
            get
            {
                try
                {
                    var place = this.Raw.GetCurrentPropertyValueEx(ClickablePoint, true) as double[];
                    return place == null || place.Length < 2 ? (Native.Point?)null : Native.Point.At((int)place[0], (int)place[1]);
                }
                catch (NotImplementedException)
                {
                    return null; // wine (10.0)
                }
            }
        }

        internal Json Json
        {
            get
            {
                int selected = Number(this[SelectionItemIsSelected]);
                int expanded = Number(this[ExpandCollapseState]); // 2: in part, 3: there is nothing in it
                return Eyes.Placed(new Json(), this.Place)
                    .Add("runtime_id", this.Identity)
                    .Add("control_type", this.Type)
                    .Add("name", this.Name)
                    .Add("automation_id", this.AutomationId)
                    .Add("class_name", (this[ClassName] as string) ?? string.Empty)
                    .Add("text", this.Value)
                    .Add("secret", this.IsSecret)
                    .Add("enabled", this.Enabled)
                    .Add("focused", this[HasKeyboardFocus] as bool? == true)
                    .Add("editable", this.IsEditable)
                    .Add("checked", this.Checked)
                    .Add("selected", selected)
                    .Add("expanded", expanded == 2 ? 1 : expanded == 3 ? -1 : expanded);
            }
        }

        private int Checked
        {
            get { return Number(this[this.Type == "RadioButton" ? SelectionItemIsSelected : ToggleState]); }
        }

        /// <summary>What was asked together with it; an object of UI Automation where there is no such property.</summary>
        private object this[int property]
        {
            get
            {
                object value;
                if (!this.known.TryGetValue(property, out value))
                {
                    value = this.Raw.GetCachedPropertyValueEx(property, true);
                    this.known[property] = value;
                }

                return value;
            }
        }

        /// <summary>The numbers of an identity or of a way.</summary>
        internal static int[] Parsed(string identity)
        {
            string[] numbers = identity.Split(new[] { '.', '/' }, StringSplitOptions.RemoveEmptyEntries);
            return Array.ConvertAll(numbers, number => int.Parse(number, CultureInfo.InvariantCulture));
        }

        /// <summary>The way to one of those that are in it.</summary>
        internal string WayTo(int number)
        {
            return this.way + "/" + number;
        }

        /// <summary>A way to use it; null if it has none of that kind. wine (10.0) has none at all.</summary>
        internal T As<T>(int pattern)
            where T : class
        {
            try
            {
                return this.Raw.GetCurrentPattern(pattern) as T;
            }
            catch (NotImplementedException)
            {
                return null;
            }
        }

        /// <summary>Have keys go to it; whether that can be.</summary>
        internal bool Focus()
        {
            try
            {
                this.Raw.SetFocus();
                return true;
            }
            catch (NotImplementedException)
            {
                return false; // wine (10.0)
            }
            catch (InvalidOperationException)
            {
                return false; // UIA_E_INVALIDOPERATION: it takes no keys by itself
            }
        }

        /// <summary>1 for yes, 0 for no, a state as it is, and -1 where there is none.</summary>
        private static int Number(object value)
        {
            return value is bool ? ((bool)value ? 1 : 0) : (value as int?) ?? -1;
        }
    }
}
