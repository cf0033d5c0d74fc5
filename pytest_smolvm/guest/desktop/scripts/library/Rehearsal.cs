// Does once what actions do, with a window that another process has staged: .NET compiles each function when it is used for
// the first time, and a guest that is frozen after that has it done.
namespace SmolVM.Desktop
{
    using System;

    internal static class Rehearsal
    {
        internal static string Hold(IntPtr window, IntPtr edit, Deadline deadline)
        {
            Native.Rectangle place;
            new Eyes(deadline, new string[0]).Look(IntPtr.Zero);
            new Eyes(deadline, new string[0]).Look(window);
            Native.GetWindowRect(edit, out place);
            Integrity.Check(edit);
            var hands = new Hands(edit, deadline);
            hands.Check(place);
            hands.Click(place.Middle, place.Middle.X - place.Left, "left", 2);
            hands.Click(place.Middle, place.Middle.X - place.Left, "left", 1);
            hands.Type("a\n");
            hands.Fill("b");
            return "{}";
        }
    }
}
