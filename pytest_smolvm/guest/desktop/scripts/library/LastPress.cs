// The last time a button was pressed: one that is pressed soon after, and close by, counts as the second of a double click.
namespace SmolVM.Desktop
{
    using System;
    using System.Diagnostics;
    using System.Runtime.InteropServices;

    internal static class LastPress
    {
        private const int DoubleClickWidth = 36;
        private static readonly object Changing = new object();
        private static Stopwatch since;
        private static Native.Point place;

        /// <summary>How far a press has to be from it.</summary>
        internal static int Apart
        {
            get { return Native.GetSystemMetrics(DoubleClickWidth) + 1; }
        }

        internal static void Note(Native.Point at)
        {
            lock (Changing)
            {
                since = Stopwatch.StartNew();
                place = at;
            }
        }

        /// <summary>Whether one at this place would be a double click's second.</summary>
        internal static bool Joins(Native.Point at)
        {
            lock (Changing)
            {
                return since != null && since.ElapsedMilliseconds <= GetDoubleClickTime()
                    && Math.Abs(at.X - place.X) < Apart && Math.Abs(at.Y - place.Y) < Apart;
            }
        }

        [DllImport("user32.dll")]
        private static extern int GetDoubleClickTime();
    }
}
