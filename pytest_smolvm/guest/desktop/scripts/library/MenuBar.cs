// Where the menu bar of a window is.
namespace SmolVM.Desktop
{
    using System;

    internal static class MenuBar
    {
        /// <summary>
        /// What is between the title bar and the rest of a window, on the screen; empty if nothing is. From sizes alone: of a
        /// menu of another program's wine (10.0) tells nothing.
        /// </summary>
        internal static Native.Rectangle Of(IntPtr window)
        {
            const int CaptionHeight = 4, FrameHeight = 33, FramePadding = 92;
            var corner = new Native.Point();
            Native.Rectangle place;
            Native.GetWindowRect(window, out place);
            Native.ClientToScreen(window, ref corner);
            place.Top += Native.GetSystemMetrics(CaptionHeight) + Native.GetSystemMetrics(FrameHeight) + Native.GetSystemMetrics(FramePadding);
            place.Bottom = corner.Y;
            return place.IsEmpty ? new Native.Rectangle() : place;
        }
    }
}
