// The output that is still on its way when a script has ended.
namespace SmolVM
{
    using System;
    using System.Diagnostics;
    using System.Threading.Tasks;

    internal static class Rest
    {
        /// <summary>
        /// Wait for it and pass it on. Not for ever: a program that left our job may hold a stream open, or go on writing. What
        /// counts is how long we wait for output, not how long the host takes for it.
        /// </summary>
        /// <param name="left">What is read at the moment.</param>
        /// <param name="pass">Passes on what one of them has brought, given by its number.</param>
        /// <param name="grace">Milliseconds.</param>
        /// <param name="most">How many pieces there may be.</param>
        internal static void Carry(Func<Task[]> left, Action<int> pass, int grace, int most)
        {
            var waited = new Stopwatch();
            for (int count = 0; count < most; count++)
            {
                Task[] tasks = left();
                if (tasks.Length == 0)
                {
                    return;
                }

                waited.Start();
                int first = Task.WaitAny(tasks, (int)Math.Max(0, grace - waited.ElapsedMilliseconds));
                waited.Stop();
                if (first == -1)
                {
                    return;
                }

                pass(first);
            }
        }
    }
}
