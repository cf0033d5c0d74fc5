// One call, from its request to its exit code.
namespace SmolVM
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.IO;
    using System.IO.Pipes;
    using System.Linq;
    using System.Management.Automation.Host;
    using System.Threading.Tasks;

    internal sealed class Turn
    {
        private const int Grace = 3000; // milliseconds for a stopped script, and for output that programs still hold back after the end
        private const int LastPieces = 256; // pieces of output after the end of a script, whose pipes hold a few
        private static readonly byte[] Nothing = new byte[0];
        private readonly Server server;
        private readonly Connection connection;
        private readonly Queue<byte[]> input = new Queue<byte[]>();
        private List<Reading> readings;
        private Task writing;
        private Stopwatch stopped;
        private Streams streams;
        private Call call;
        private Job job;

        internal Turn(Server server, Connection connection)
        {
            this.server = server;
            this.connection = connection;
        }

        /// <summary>Run a request to its end and report its exit code. The connection is marked as lost if it broke.</summary>
        internal void Run(PSHost host, Logon logon, Runspaces runspaces, Job job, Request request)
        {
            this.job = job;
            this.connection.Send('b', Nothing, 0); // without it nothing has happened, if we end
            logon.Update();
            Environment.CurrentDirectory = Environment.GetEnvironmentVariable("USERPROFILE");
            var runspace = runspaces.Take();
            logon.RestoreModulePath();
            TextReader lines = Call.ReadsInput(request.Script) ? this.WholeInput() : null;
            int code;
            using (this.streams = new Streams(host))
            {
                using (this.call = Call.Start(runspace, request.Script, request.Arguments, lines))
                {
                    this.readings = new List<Reading> { new Reading('o', this.streams.Output), new Reading('e', this.streams.Error) };
                    code = this.Carry();
                    Console.Out.Flush();
                    this.job.EndOthers();
                    this.streams.CloseNear();
                    Rest.Carry(
                        () => this.readings.Select(one => (Task)one.Task).ToArray(), number => this.Pass(this.readings[number]), Grace, LastPieces);
                }
            }

            this.connection.Send('x', BitConverter.GetBytes(code), 4);
            logon.Restore(); // for the next call, whose caller need not wait for it
        }

        /// <summary>Carry output and input until the script has ended; its exit code.</summary>
        private int Carry()
        {
            while (true)
            {
                if (this.connection.Lost)
                {
                    this.Stop();
                }

                var tasks = new List<Task> { this.call.Task, this.connection.Task };
                tasks.AddRange(this.readings.Select(one => one.Task));
                if (this.writing != null)
                {
                    tasks.Add(this.writing);
                }

                int patience = this.stopped == null ? -1 : (int)Math.Max(0, Grace - this.stopped.ElapsedMilliseconds);
                int first = Task.WaitAny(tasks.ToArray(), patience);
                int? code = null;
                if (first == -1)
                {
                    this.server.Restart();
                }
                else if (first == 0)
                {
                    code = this.call.Step();
                }
                else if (first == 1)
                {
                    this.Take();
                }
                else if (first < 2 + this.readings.Count)
                {
                    this.Pass(this.readings[first - 2]);
                }
                else
                {
                    this.StepInput();
                }

                if (code != null)
                {
                    return code.Value;
                }
            }
        }

        private void Take()
        {
            Connection.Frame frame = this.connection.Step();
            if (frame == null)
            {
                return;
            }

            switch (frame.Kind)
            {
                case 'I':
                case 'E':
                    this.input.Enqueue(frame.Bytes); // an empty one is the end
                    if (this.writing == null)
                    {
                        this.StepInput();
                    }

                    break;
                case 'S':
                    this.Stop(); // a second one changes nothing
                    break;
                case Connection.End:
                    this.connection.Lose();
                    break;
            }
        }

        /// <summary>Give the next piece of input to the script, and tell the other side that it may send another.</summary>
        private void StepInput()
        {
            if (this.writing != null)
            {
                try
                {
                    this.writing.GetAwaiter().GetResult();
                }
                catch (IOException)
                {
                    // Nobody reads it any more, here and below.
                }
                catch (ObjectDisposedException)
                {
                }

                this.writing = null;
                this.connection.Send('i', Nothing, 0);
            }

            if (this.input.Count == 0)
            {
                return;
            }

            byte[] piece = this.input.Dequeue();
            if (piece.Length > 0)
            {
                this.writing = Written(this.streams.Input, piece);
            }
            else
            {
                this.streams.Input.Dispose();
            }
        }

        private static Task Written(Stream stream, byte[] piece)
        {
            try
            {
                return stream.WriteAsync(piece, 0, piece.Length);
            }
            catch (IOException)
            {
                return Task.FromResult(0);
            }
            catch (ObjectDisposedException)
            {
                return Task.FromResult(0);
            }
        }

        /// <summary>All of the input, before the script begins: what is to be $input cannot come through the pipe while nobody empties it.</summary>
        private TextReader WholeInput()
        {
            var all = new MemoryStream();
            while (!this.connection.Lost)
            {
                Task.WaitAny(this.connection.Task);
                Connection.Frame frame = this.connection.Step();
                if (frame == null)
                {
                    continue;
                }

                if (frame.Kind == Connection.End)
                {
                    this.connection.Lose();
                }
                else if (frame.Kind == 'I')
                {
                    all.Write(frame.Bytes, 0, frame.Bytes.Length);
                    this.connection.Send('i', Nothing, 0);
                }
                else
                {
                    break;
                }
            }

            all.Position = 0;
            return new StreamReader(all);
        }

        /// <summary>Ask the script to end and end its programs. What does not listen takes the whole process with it, after a while.</summary>
        private void Stop()
        {
            if (this.stopped == null)
            {
                this.stopped = Stopwatch.StartNew();
                this.call.Stop();
                this.job.EndOthers();
            }
        }

        /// <summary>Pass on what a reading brought and start the next one, unless the stream has ended.</summary>
        private void Pass(Reading reading)
        {
            int got = reading.Task.GetAwaiter().GetResult();
            if (got == 0)
            {
                this.readings.Remove(reading);
                return;
            }

            this.connection.Send(reading.Kind, reading.Buffer, got);
            reading.Begin();
        }

        private sealed class Reading
        {
            internal readonly char Kind;
            internal readonly byte[] Buffer = new byte[Streams.Piece];
            private readonly Stream stream;

            internal Reading(char kind, Stream stream)
            {
                this.Kind = kind;
                this.stream = stream;
                this.Begin();
            }

            internal Task<int> Task { get; private set; }

            internal void Begin()
            {
                this.Task = this.stream.ReadAsync(this.Buffer, 0, this.Buffer.Length);
            }
        }
    }
}
