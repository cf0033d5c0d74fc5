// Has residents started in another session of this user: the half of who wants them there. Errand.cs is the other.
namespace SmolVM.Desktop
{
    using System;
    using System.Diagnostics;
    using System.IO;
    using System.Net;
    using System.Net.Sockets;
    using System.Reflection;
    using System.Security.AccessControl;
    using System.Security.Principal;
    using System.Text;
    using System.Threading.Tasks;

    /// <summary>
    /// A file for the other half, which deletes it, and a port where it says what has become. The secret is in the file, and
    /// not in the command line, which others can see; who connects has to begin with it.
    /// </summary>
    public sealed class Summons : IDisposable
    {
        private const int Patience = 3000; // milliseconds for the secret
        private readonly TcpListener listener = new TcpListener(IPAddress.Loopback, 0);
        private readonly string secret;
        private readonly string file;
        private Task<TcpClient> accepting;

        /// <param name="secret">What the residents are to ask for.</param>
        /// <param name="residents">The library that they are made of.</param>
        /// <param name="count">How many there are to be.</param>
        public Summons(string secret, string residents, int count)
        {
            this.secret = secret;
            this.Name = "pytest-smolvm-" + Guid.NewGuid().ToString("N");
            string folder = Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "pytest-smolvm");
            Directory.CreateDirectory(folder);
            this.file = Path.Combine(folder, this.Name);
            this.listener.Start();
            Errand.Hide(this.listener.Server);
            this.accepting = this.listener.AcceptTcpClientAsync();
            int port = ((IPEndPoint)this.listener.LocalEndpoint).Port;
            WriteForUs(this.file, string.Join("\n", secret, port, residents, count));
        }

        /// <summary>The task's.</summary>
        public string Name { get; private set; }

        /// <summary>
        /// The task: once, when it is told to, with all rights that the user can have, for the user who is logged on
        /// (schema 1.2 of Windows Vista). Priority 5 is an ordinary process's, the 7 of a task below it, also for its disk
        /// (Microsoft, taskSettings-priority).
        /// </summary>
        public string Xml
        {
            get
            {
                string library = Assembly.GetExecutingAssembly().Location;
                string code = "$null = [Reflection.Assembly]::LoadFrom(" + Quoted(library) + "); [SmolVM.Desktop.Errand]::Run(" + Quoted(this.file) + ")";
                return "<Task version='1.2' xmlns='http://schemas.microsoft.com/windows/2004/02/mit/task'>"
                    + "<Principals><Principal id='user'><UserId>" + WindowsIdentity.GetCurrent().User.Value + "</UserId>"
                    + "<LogonType>InteractiveToken</LogonType><RunLevel>HighestAvailable</RunLevel></Principal></Principals>"
                    + "<Settings><DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries><StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>"
                    + "<ExecutionTimeLimit>PT0S</ExecutionTimeLimit><Hidden>true</Hidden><Priority>5</Priority></Settings>"
                    + "<Actions Context='user'><Exec><Command>" + Escaped(Process.GetCurrentProcess().MainModule.FileName) + "</Command>"
                    + "<Arguments>" + Escaped("-NoProfile -NonInteractive -ExecutionPolicy Bypass -WindowStyle Hidden -Command \"" + code + "\"") + "</Arguments>"
                    + "</Exec></Actions></Task>";
            }
        }

        /// <summary>What the other half has said, once it has ended; null if it has not come by then.</summary>
        public string Answer(int milliseconds)
        {
            if (!this.accepting.Wait(milliseconds))
            {
                return null;
            }

            using (TcpClient client = this.accepting.Result)
            {
                this.accepting = this.listener.AcceptTcpClientAsync();
                client.ReceiveTimeout = Patience;
                var given = new byte[this.secret.Length];
                if (!Filled(client.GetStream(), given) || Encoding.ASCII.GetString(given) != this.secret)
                {
                    return null;
                }

                client.ReceiveTimeout = 0; // several PowerShells start now; whoever called this has a time-out
                return new StreamReader(client.GetStream(), Encoding.UTF8).ReadToEnd();
            }
        }

        /// <summary>Keep what the other half has said, for other hosts.</summary>
        /// <param name="session">Where the residents are.</param>
        /// <param name="said">The code page and their ports.</param>
        public void Keep(int session, string said)
        {
            Kept.Write(session, this.secret + " " + said);
        }

        public void Dispose()
        {
            this.listener.Stop();
            File.Delete(this.file);
        }

        private static bool Filled(Stream stream, byte[] bytes)
        {
            try
            {
                for (int have = 0, got; have < bytes.Length; have += got)
                {
                    got = stream.Read(bytes, have, bytes.Length - have);
                    if (got == 0)
                    {
                        return false;
                    }
                }

                return true;
            }
            catch (IOException)
            {
                return false; // it says nothing
            }
        }

        /// <summary>A file that this user alone may read, from before there is anything in it.</summary>
        private static void WriteForUs(string path, string text)
        {
            var security = new FileSecurity();
            security.SetAccessRuleProtection(true, false);
            security.AddAccessRule(
                new FileSystemAccessRule(WindowsIdentity.GetCurrent().User, FileSystemRights.FullControl, AccessControlType.Allow));
            File.WriteAllText(path, string.Empty);
            new FileInfo(path).SetAccessControl(security);
            File.WriteAllText(path, text);
        }

        /// <summary>As PowerShell reads it.</summary>
        private static string Quoted(string text)
        {
            return "'" + text.Replace("'", "''") + "'";
        }

        /// <summary>As XML.</summary>
        private static string Escaped(string text)
        {
            return text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;");
        }
    }
}
