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
        private const int ReportSeconds = 30; // for who has connected: residents tell at once, on however busy a processor

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
                int port = listener.Pending() ? Reported(listener, secret) : 0;
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

        /// <summary>
        /// The port that somebody tells who knows the secret; 0 from who does not, says nothing or goes away: any program
        /// of the guest may connect, as those do that look for open ports, and is not to hold up the start.
        /// </summary>
        private static int Reported(TcpListener listener, string secret)
        {
            try
            {
                using (TcpClient client = listener.AcceptTcpClient())
                {
                    client.ReceiveTimeout = 1000 * ReportSeconds;
                    Stream stream = client.GetStream();
                    byte[] given = Connection.Exactly(stream, secret.Length);
                    bool known = given != null && Encoding.ASCII.GetString(given) == secret;
                    byte[] port = known ? Connection.Exactly(stream, 4) : null;
                    return port == null ? 0 : BitConverter.ToInt32(port, 0);
                }
            }
            catch (IOException)
            {
                return 0;
            }
            catch (SocketException)
            {
                return 0; // it has gone before it was taken
            }
            catch (InvalidOperationException)
            {
                return 0; // or since
            }
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
