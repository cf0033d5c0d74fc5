// The resident: powershell.exe processes that outlive the session that started them, each listening on a loopback port of
// its own and running one call at a time. One process per call at a time, because the environment, the current directory,
// the console and the standard streams belong to a process: calls that run at once must not share them. Within a process
// every call has a new runspace, streams of its own and an environment made anew from the registry.
//
// A connection sends the secret, then frames: a letter, a length (32 bits, little endian) and that many bytes.
//   in:  R request   I input for the script   E end of the input   S stop the script   C set the clock
//   out: b the script is about to begin   i a piece of input was taken   o output   e error output   x exit code
//        c whether the clock could be set
namespace SmolVM
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Management.Automation.Host;
    using System.Net;
    using System.Net.Sockets;
    using System.Text;
    using System.Threading;
    using System.Threading.Tasks;

    public sealed class Server
    {
        private readonly PSHost host;
        private readonly string secret;
        private readonly Job job = new Job();
        private readonly Logon logon = new Logon();
        private readonly Runspaces runspaces;
        private readonly TcpListener listener;

        private Server(PSHost host, string secret, int port)
        {
            this.host = host;
            this.secret = secret;
            this.runspaces = new Runspaces(host);
            this.listener = Listening(port);
        }

        private int Port
        {
            get { return ((IPEndPoint)this.listener.LocalEndpoint).Port; }
        }

        /// <summary>Serve for ever.</summary>
        /// <param name="host">PowerShell's own.</param>
        public static void Run(PSHost host)
        {
            string[] seat = Program.TakeSeat();
            Windows.HideStandardStreams(); // they are nobody else's

            // Blocked reads and runspaces being opened take a thread each, and a full pool gets a further one only twice a second.
            ThreadPool.SetMinThreads(16, 16);
            var server = new Server(host, seat[0], int.Parse(seat[1]));
            if (seat[2] != "0")
            {
                server.Report(int.Parse(seat[2]));
            }

            try
            {
                server.Serve();
            }
            catch (Exception exc)
            {
                // Our stderr is gone, and a call's may be in its place. Other processes have the file open, too.
                using (var log = new StreamWriter(File.Open(Program.Log, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)))
                {
                    log.WriteLine(exc);
                }

                server.Restart();
            }
        }

        /// <summary>End at once, with a successor on the same port.</summary>
        internal void Restart()
        {
            Program.StartResident(this.secret, this.Port, 0);
            Windows.TerminateProcess(Windows.Self, 1);
        }

        private static TcpListener Listening(int port)
        {
            const int Attempts = 50;
            var listener = new TcpListener(IPAddress.Loopback, port);
            for (int attempt = 0; ; attempt++)
            {
                try
                {
                    listener.Start();
                    Windows.Hide(listener.Server);
                    return listener;
                }
                catch (SocketException)
                {
                    if (attempt == Attempts)
                    {
                        throw;
                    }

                    Thread.Sleep(100); // a predecessor is ending; nothing tells when its port is free
                }
            }
        }

        /// <summary>Tell the starter which port it became.</summary>
        private void Report(int port)
        {
            using (var client = new TcpClient("127.0.0.1", port))
            {
                byte[] proof = Encoding.ASCII.GetBytes(this.secret);
                client.GetStream().Write(proof, 0, proof.Length);
                client.GetStream().Write(BitConverter.GetBytes(this.Port), 0, 4);
            }
        }

        /// <summary>
        /// A task for the next connection's socket. It is made here rather than by the listener, which would have one ready
        /// that a program started meanwhile inherits.
        /// </summary>
        private Task<Socket> Accepting()
        {
            var next = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            Windows.Hide(next);
            Socket server = this.listener.Server;
            return Task<Socket>.Factory.FromAsync(
                (done, state) => server.BeginAccept(next, 0, done, state),
                result =>
                {
                    byte[] bytes;
                    int size;
                    return server.EndAccept(out bytes, out size, result);
                },
                null);
        }

        /// <summary>
        /// The newest connection that knows the secret is the one listened to, because the one before may have been left behind
        /// by a host that is gone, as after the restoration of a snapshot.
        /// </summary>
        private void Serve()
        {
            Task<Socket> accepting = this.Accepting();
            Connection connection = null;
            while (true)
            {
                var tasks = new List<Task> { accepting };
                if (connection != null)
                {
                    tasks.Add(connection.Task);
                }

                Task opening = this.runspaces.Step();
                if (opening != null)
                {
                    tasks.Add(opening);
                }

                int first = Task.WaitAny(tasks.ToArray());
                if (first == 0)
                {
                    Connection newer = Connection.Confirmed(accepting.Result, Encoding.ASCII.GetBytes(this.secret));
                    if (newer != null && connection != null)
                    {
                        connection.Close();
                    }

                    connection = newer ?? connection;
                    accepting = this.Accepting();
                }
                else if (connection != null && first == 1 && !this.Served(connection))
                {
                    connection.Close();
                    connection = null;
                }
            }
        }

        /// <summary>Take in what came; whether the connection goes on.</summary>
        private bool Served(Connection connection)
        {
            Connection.Frame frame = connection.Step();
            if (frame == null)
            {
                return true;
            }

            switch (frame.Kind)
            {
                case 'R':
                    new Turn(this, connection).Run(this.host, this.logon, this.runspaces, this.job, new Request(frame.Bytes));
                    break;
                case 'C':
                    bool set = Windows.SetClock(BitConverter.ToInt64(frame.Bytes, 0));
                    connection.Send('c', new[] { set ? (byte)1 : (byte)0 }, 1);
                    break;
                case Connection.End:
                    return false;
            }

            return !connection.Lost;
        }
    }
}
