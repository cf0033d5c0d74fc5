// Starts residents that outlive this session.
namespace SmolVM
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Net;
    using System.Net.Sockets;
    using System.Text;
    using Microsoft.Win32;

    public static class Starter
    {
        private const int LookEvery = 50; // milliseconds

        /// <summary>Start residents. Prints the code page that programs print in, then the port of each; ends this process.</summary>
        /// <param name="count">How many.</param>
        /// <param name="secret">What they are to ask for.</param>
        public static void Run(int count, string secret)
        {
            try
            {
                File.Delete(Program.Log);
            }
            catch (IOException)
            {
                // Earlier ones still run.
            }

            var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            Windows.Hide(listener.Server);
            var processes = new List<IntPtr>();
            for (int i = 0; i < count; i++)
            {
                processes.Add(Program.StartResident(secret, 0, ((IPEndPoint)listener.LocalEndpoint).Port));
            }

            RegistryKey pages = Registry.LocalMachine.OpenSubKey(@"SYSTEM\CurrentControlSet\Control\Nls\CodePage");
            Console.Out.WriteLine(pages.GetValue("OEMCP"));
            for (int reported = 0; reported < count;)
            {
                int port = listener.Pending() ? Reported(listener.AcceptTcpClient().GetStream(), secret) : 0;
                if (port != 0)
                {
                    Console.Out.WriteLine(port);
                    reported++;
                    continue;
                }

                foreach (IntPtr process in processes)
                {
                    if (Windows.WaitForSingleObject(process, LookEvery) == 0)
                    {
                        Fail(process);
                    }
                }
            }

            Console.Out.Flush();
            Environment.Exit(0);
        }

        /// <summary>The port that somebody tells who knows the secret, 0 if nobody does.</summary>
        private static int Reported(Stream stream, string secret)
        {
            byte[] given = Connection.Exactly(stream, secret.Length);
            if (given == null || Encoding.ASCII.GetString(given) != secret)
            {
                return 0;
            }

            byte[] port = Connection.Exactly(stream, 4);
            return port == null ? 0 : BitConverter.ToInt32(port, 0);
        }

        /// <summary>Say why a resident is not there, and end.</summary>
        private static void Fail(IntPtr process)
        {
            uint code;
            Windows.GetExitCodeProcess(process, out code);
            string said;
            using (var reader = new StreamReader(
                File.Open(Program.Log, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite), Console.OutputEncoding))
            {
                said = reader.ReadToEnd().Trim();
            }

            Console.Error.WriteLine("its process has ended with exit code " + code + ": " + said);
            Environment.Exit(1);
        }
    }
}
