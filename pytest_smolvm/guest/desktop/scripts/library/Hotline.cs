// Answers over a port of this computer's own, for who knows a secret, and with no script in between: each script takes a
// runspace, streams and an environment of its own, which takes longer than most answers.
//
// A connection sends the secret, then frames: a letter, a length (32 bits, little endian) and that many bytes.
//   in:  Q milliseconds, the number of words, then each word as a length and UTF-8
//   out: b it is about to be done   a the answer   f what broke
namespace SmolVM.Desktop
{
    using System;
    using System.IO;
    using System.Net;
    using System.Net.Sockets;
    using System.Text;
    using System.Threading;

    public sealed class Hotline
    {
        private const int HeadSize = 5;
        private const int Patience = 3000; // milliseconds for the secret
        private static readonly object Opening = new object();
        private static Hotline current;
        private readonly Socket server = NewSocket();
        private byte[] secret;

        private Hotline()
        {
            this.server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            this.server.Listen(16);
            Started(this.Serve);
        }

        /// <summary>Have it listen, as long as this process lives; its port.</summary>
        /// <param name="secret">What connections have to begin with from now on.</param>
        public static int Open(string secret)
        {
            lock (Opening)
            {
                current = current ?? new Hotline();
                current.secret = Encoding.ASCII.GetBytes(secret);
                return ((IPEndPoint)current.server.LocalEndPoint).Port;
            }
        }

        /// <summary>One that programs do not inherit which are started meanwhile.</summary>
        private static Socket NewSocket()
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            Errand.Hide(socket);
            return socket;
        }

        private static void Started(ThreadStart work)
        {
            new Thread(work) { IsBackground = true }.Start();
        }

        /// <summary>Exactly so many bytes.</summary>
        private static byte[] Exactly(Stream stream, int count)
        {
            var bytes = new byte[count];
            for (int have = 0, got; have < count; have += got)
            {
                got = stream.Read(bytes, have, count - have);
                if (got == 0)
                {
                    throw new EndOfStreamException();
                }
            }

            return bytes;
        }

        private static void Answer(Stream stream)
        {
            byte[] question = Exactly(stream, BitConverter.ToInt32(Exactly(stream, HeadSize), 1));
            Send(stream, 'b', string.Empty); // without it nothing has happened, if this process ends
            char kind = 'a';
            string said;
            try
            {
                said = Answered(new BinaryReader(new MemoryStream(question)));
            }
            catch (InvalidOperationException exc)
            {
                kind = 'f';
                said = exc.Message;
            }

            Send(stream, kind, said);
        }

        private static void Send(Stream stream, char kind, string said)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(said);
            var frame = new byte[HeadSize + bytes.Length];
            frame[0] = (byte)kind;
            BitConverter.GetBytes(bytes.Length).CopyTo(frame, 1);
            bytes.CopyTo(frame, HeadSize);
            stream.Write(frame, 0, frame.Length);
        }

        private static string Answered(BinaryReader question)
        {
            int milliseconds = question.ReadInt32();
            var words = new string[question.ReadInt32()];
            for (int i = 0; i < words.Length; i++)
            {
                words[i] = Encoding.UTF8.GetString(question.ReadBytes(question.ReadInt32()));
            }

            return Door.Answer(milliseconds, words);
        }

        private void Serve()
        {
            while (true)
            {
                // Made here and not by the listener, whose own a program would inherit that is started at that moment.
                Socket next = NewSocket();
                byte[] bytes;
                int size;
                try
                {
                    this.server.EndAccept(out bytes, out size, this.server.BeginAccept(next, 0, null, null));
                    Started(() => this.Talk(next));
                }
                catch (SocketException)
                {
                    next.Close(); // it has gone before it was let in
                }
            }
        }

        private void Talk(Socket socket)
        {
            using (var stream = new NetworkStream(socket, true))
            {
                socket.NoDelay = true;
                try
                {
                    stream.ReadTimeout = Patience;
                    if (!this.Confirms(stream))
                    {
                        return;
                    }

                    stream.ReadTimeout = Timeout.Infinite;
                    while (true)
                    {
                        Answer(stream);
                    }
                }
                catch (IOException)
                {
                    // The other side has gone.
                }
            }
        }

        /// <summary>Whether the first bytes are the secret; as long for a wrong one as for the right one.</summary>
        private bool Confirms(Stream stream)
        {
            byte[] wanted = this.secret, given = Exactly(stream, wanted.Length);
            int different = 0;
            for (int i = 0; i < wanted.Length; i++)
            {
                different |= given[i] ^ wanted[i];
            }

            return different == 0;
        }
    }
}
