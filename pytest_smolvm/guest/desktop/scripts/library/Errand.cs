// Starts residents in this session, and tells the session that wants them: what the task of Summons.cs does.
namespace SmolVM.Desktop
{
    using System;
    using System.IO;
    using System.Net.Sockets;
    using System.Reflection;
    using System.Runtime.InteropServices;
    using System.Text;

    public static class Errand
    {
        /// <summary>Do it, say what has become, and end this process.</summary>
        /// <param name="file">The one that Summons has written; it is deleted.</param>
        public static void Run(string file)
        {
            string[] words = File.ReadAllText(file).Split('\n');
            File.Delete(file);
            var client = new TcpClient("127.0.0.1", int.Parse(words[1]));
            Hide(client.Client);
            client.GetStream().Write(Encoding.ASCII.GetBytes(words[0]), 0, words[0].Length);
            var said = new StreamWriter(client.GetStream(), new UTF8Encoding(false)) { AutoFlush = true };
            Console.SetOut(said);
            Console.SetError(said);
            try
            {
                EnterJob();
                MethodInfo start = Assembly.LoadFrom(words[2]).GetType("SmolVM.Starter").GetMethod("Run");
                start.Invoke(null, new object[] { int.Parse(words[3]), words[0] }); // which ends this process
            }
            catch (Exception exc)
            {
                said.WriteLine(exc.GetBaseException().Message);
                Environment.Exit(1);
            }
        }

        /// <summary>Keep a socket from programs: .NET Framework has each inherit those that are open when it is started.</summary>
        internal static void Hide(Socket socket)
        {
            const int Inherit = 1;
            SetHandleInformation(socket.Handle, Inherit, 0);
        }

        /// <summary>
        /// Enter a job that may be left. The Task Scheduler's own may not (seen by others on Windows 8 to 11:
        /// chromium-crosswalk 307, PWAsForFirefox 460), and a program that is to leave it is not started. One that leaves this
        /// one leaves it up to that one (Microsoft, "Nested Jobs", since Windows 8).
        /// </summary>
        private static void EnterJob()
        {
            const int ExtendedLimits = 9;
            const int MayBreakAway = 0x800;
            var limits = new byte[144]; // JOBOBJECT_EXTENDED_LIMIT_INFORMATION
            BitConverter.GetBytes(MayBreakAway).CopyTo(limits, 16);
            IntPtr job = CreateJobObjectW(IntPtr.Zero, IntPtr.Zero);
            SetInformationJobObject(job, ExtendedLimits, limits, limits.Length);
            AssignProcessToJobObject(job, new IntPtr(-1));
        }

        [DllImport("kernel32.dll")]
        private static extern bool SetHandleInformation(IntPtr handle, int mask, int flags);

        [DllImport("kernel32.dll")]
        private static extern IntPtr CreateJobObjectW(IntPtr security, IntPtr name);

        [DllImport("kernel32.dll")]
        private static extern bool SetInformationJobObject(IntPtr job, int about, byte[] information, int size);

        [DllImport("kernel32.dll")]
        private static extern bool AssignProcessToJobObject(IntPtr job, IntPtr process);
    }
}
