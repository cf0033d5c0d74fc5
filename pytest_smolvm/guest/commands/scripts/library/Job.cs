// The job that a resident and its children are in.
namespace SmolVM
{
    using System;
    using System.ComponentModel;
    using System.Diagnostics;

    internal sealed class Job
    {
        private readonly IntPtr handle = Windows.CreateJobObjectW(IntPtr.Zero, IntPtr.Zero);
        private readonly int own = Process.GetCurrentProcess().Id;

        /// <summary>Enter a new one: our children end with us, as with a session of sshd. They may leave it.</summary>
        internal Job()
        {
            const int ExtendedLimits = 9;
            const int KillOnClose = 0x2000;
            const int MayBreakAway = 0x800;
            var limits = new byte[144]; // JOBOBJECT_EXTENDED_LIMIT_INFORMATION
            BitConverter.GetBytes(KillOnClose | MayBreakAway).CopyTo(limits, 16);
            Windows.SetInformationJobObject(this.handle, ExtendedLimits, limits, limits.Length);
            Windows.AssignProcessToJobObject(this.handle, Windows.Self);
        }

        /// <summary>End all others in it: what a script leaves running ends with the call, as it would with its session.</summary>
        internal void EndOthers()
        {
            const int ProcessIds = 3;
            var list = new byte[8 + (8 * 1024)];
            Windows.QueryInformationJobObject(this.handle, ProcessIds, list, list.Length, IntPtr.Zero);
            for (int i = BitConverter.ToInt32(list, 4); i > 0; i--)
            {
                long id = BitConverter.ToInt64(list, 8 * i);
                if (id != this.own)
                {
                    this.End((int)id);
                }
            }
        }

        private void End(int id)
        {
            try
            {
                using (Process process = Process.GetProcessById(id))
                {
                    // Asked of the handle, which keeps the number from being given away: it may have another owner by now.
                    bool inside;
                    Windows.IsProcessInJob(process.Handle, this.handle, out inside);

                    // Not the console's own process: everything attached to it, we too, would end with it.
                    if (inside && process.ProcessName != "conhost")
                    {
                        process.Kill();
                    }
                }
            }
            catch (ArgumentException)
            {
                // It has ended by itself, here and below.
            }
            catch (InvalidOperationException)
            {
            }
            catch (Win32Exception)
            {
            }
        }
    }
}
