// The items of a list box or a combo box.
namespace SmolVM.Desktop
{
    using System;

    internal sealed class Choice
    {
        private readonly IntPtr window;
        private readonly Messages messages;
        private readonly bool combo;

        internal Choice(IntPtr window, Messages messages)
        {
            this.window = window;
            this.messages = messages;
            this.combo = new Kind(window).IsComboBox;
        }

        internal int Count
        {
            get { return this.messages.Send(this.window, this.combo ? 0x146 : 0x18B); }
        }

        /// <summary>Which one is selected; -1 if none is.</summary>
        internal int Selected
        {
            get { return this.messages.Send(this.window, this.combo ? 0x147 : 0x188); }
        }

        internal string Item(int at)
        {
            int length = this.messages.Send(this.window, this.combo ? 0x149 : 0x18A, at);
            return length < 0 ? string.Empty : this.messages.Into(this.window, this.combo ? 0x148 : 0x189, at, length);
        }

        /// <summary>Select an item, and tell the window that the control is in: Windows does so only where a person selects.</summary>
        internal void Select(int at)
        {
            const int Command = 0x111;
            const int Changed = 1; // CBN_SELCHANGE and LBN_SELCHANGE
            const int Parent = 1;
            this.messages.Send(this.window, this.combo ? 0x14E : 0x186, at);
            int about = (Native.GetDlgCtrlID(this.window) & 0xFFFF) | (Changed << 16);
            this.messages.Send(Native.GetAncestor(this.window, Parent), Command, about, this.window);
        }
    }
}
