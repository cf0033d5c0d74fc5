// When an answer has to be there.
namespace SmolVM.Desktop
{
    using System;
    using System.Diagnostics;
    using System.Threading;

    internal sealed class Deadline
    {
        private const int Pause = 2; // milliseconds; Windows tells nobody of what is awaited here
        private readonly Stopwatch since = Stopwatch.StartNew();
        private readonly int milliseconds;

        internal Deadline(int milliseconds)
        {
            this.milliseconds = milliseconds;
        }

        /// <summary>Milliseconds; never negative.</summary>
        internal int Left
        {
            get { return (int)Math.Max(0, this.milliseconds - this.since.ElapsedMilliseconds); }
        }

        /// <summary>Wait until something is so; whether it became so in time.</summary>
        internal bool Await(Func<bool> condition)
        {
            while (!condition())
            {
                if (this.Left == 0)
                {
                    return false;
                }

                Thread.Sleep(Pause);
            }

            return true;
        }
    }
}
