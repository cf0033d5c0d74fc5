// A connection that frames go over: a letter, a length (32 bits, little endian) and that many bytes.
namespace SmolVM
{
    using System;
    using System.IO;
    using System.Net.Sockets;
    using System.Threading.Tasks;

    internal sealed class Connection
    {
        internal const char End = '\0'; // the letter of no frame: the other side has gone
        private const int HeadSize = 5;
        private const int Patience = 3000; // milliseconds for the secret
        private readonly Stream stream;
        private byte[] bytes = new byte[HeadSize];
        private int have;
        private bool inBody;
        private char kind;

        private Connection(Stream stream)
        {
            this.stream = stream;
            this.Read();
        }

        /// <summary>The reading that is under way.</summary>
        internal Task<int> Task { get; private set; }

        /// <summary>It broke; nothing will be read from it or written to it any more.</summary>
        internal bool Lost { get; private set; }

        /// <summary>Exactly so many bytes, or null at the end of the stream.</summary>
        internal static byte[] Exactly(Stream stream, int count)
        {
            var bytes = new byte[count];
            for (int have = 0, got; have < count; have += got)
            {
                got = stream.Read(bytes, have, count - have);
                if (got == 0)
                {
                    return null;
                }
            }

            return bytes;
        }

        /// <summary>A connection whose first bytes were the secret; null for any other.</summary>
        internal static Connection Confirmed(Socket socket, byte[] secret)
        {
            socket.NoDelay = true;
            var stream = new NetworkStream(socket, true);
            stream.ReadTimeout = Patience;
            byte[] given = null;
            try
            {
                given = Exactly(stream, secret.Length);
            }
            catch (IOException)
            {
            }

            int different = given == null ? 1 : 0;

            // As long for a wrong secret as for the right one.
            for (int i = 0; given != null && i < secret.Length; i++)
            {
                different |= given[i] ^ secret[i];
            }

            if (different != 0)
            {
                stream.Close();
                return null;
            }

            stream.ReadTimeout = System.Threading.Timeout.Infinite;
            return new Connection(stream);
        }

        /// <summary>Take in what the last reading brought; the frame once it is whole, else null.</summary>
        internal Frame Step()
        {
            int got = 0;
            try
            {
                got = this.Task.GetAwaiter().GetResult();
            }
            catch (IOException)
            {
            }
            catch (ObjectDisposedException)
            {
            }

            if (got == 0)
            {
                return new Frame { Kind = End };
            }

            this.have += got;
            if (!this.inBody && this.have == HeadSize)
            {
                this.kind = (char)this.bytes[0];
                this.Begin(BitConverter.ToInt32(this.bytes, 1), true);
            }

            Frame whole = null;
            if (this.inBody && this.have == this.bytes.Length)
            {
                whole = new Frame { Kind = this.kind, Bytes = this.bytes };
                this.Begin(HeadSize, false);
            }

            this.Read();
            return whole;
        }

        /// <summary>Send a frame; a connection that broke is marked as lost and gets no more.</summary>
        internal void Send(char letter, byte[] content, int count)
        {
            if (this.Lost)
            {
                return;
            }

            var frame = new byte[HeadSize + count];
            frame[0] = (byte)letter;
            BitConverter.GetBytes(count).CopyTo(frame, 1);
            Buffer.BlockCopy(content, 0, frame, HeadSize, count);
            try
            {
                this.stream.Write(frame, 0, frame.Length);
            }
            catch (IOException)
            {
                this.Lost = true;
            }
            catch (ObjectDisposedException)
            {
                this.Lost = true;
            }
        }

        internal void Lose()
        {
            this.Lost = true;
            this.Task = new TaskCompletionSource<int>().Task; // never ends
        }

        internal void Close()
        {
            this.stream.Close();
        }

        private void Begin(int size, bool body)
        {
            this.bytes = new byte[size];
            this.have = 0;
            this.inBody = body;
        }

        private void Read()
        {
            try
            {
                this.Task = this.stream.ReadAsync(this.bytes, this.have, this.bytes.Length - this.have);
            }
            catch (ObjectDisposedException)
            {
                this.Task = System.Threading.Tasks.Task.FromResult(0);
            }
            catch (IOException)
            {
                this.Task = System.Threading.Tasks.Task.FromResult(0);
            }
        }

        internal sealed class Frame
        {
            internal char Kind;
            internal byte[] Bytes;
        }
    }
}
