// The standard streams of one call.
namespace SmolVM
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.IO.Pipes;
    using System.Management.Automation;
    using System.Management.Automation.Host;
    using System.Reflection;
    using System.Text;

    /// <summary>
    /// Pipes of this call alone in place of the process's standard streams: a program that an earlier call left behind cannot
    /// write into this one's output. We hold the far ends; children inherit the near ones.
    /// </summary>
    internal sealed class Streams : IDisposable
    {
        internal const int Piece = 65536;
        private const int Buffered = 16384; // characters that go to a stream at once; each piece costs its reader a turn
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false);

        // Where the console host keeps the writers that it found when it first wrote. PowerShell 7 has the first two, Windows
        // PowerShell some of the others; the last two say whether it has looked.
        private static readonly string[] Remembering =
        {
            "_outputSerializer", "_errorSerializer", "outputSerializer", "errorSerializer",
            "isStandardOutputRedirectionDetermined", "isStandardErrorRedirectionDetermined",
        };

        internal readonly AnonymousPipeServerStream Input = Opened(PipeDirection.Out, Windows.StandardInput);
        internal readonly AnonymousPipeServerStream Output = Opened(PipeDirection.In, Windows.StandardOutput);
        internal readonly AnonymousPipeServerStream Error = Opened(PipeDirection.In, Windows.StandardError);

        /// <summary>Open them, and have all of this process write to them.</summary>
        internal Streams(PSHost host)
        {
            Console.SetIn(new StreamReader(Console.OpenStandardInput(), Utf8));
            try
            {
                Console.OutputEncoding = Utf8;
                Console.InputEncoding = Utf8;
            }
            catch (IOException)
            {
                // No console: nothing to tell native programs, and ours are set below.
            }

            Console.SetOut(Writer(Console.OpenStandardOutput()));
            Console.SetError(Writer(Console.OpenStandardError()));
            HaveNoColours();
            Forget(host);
        }

        /// <summary>Let go of the near ends: the far ends then end as soon as no child holds them any more.</summary>
        internal void CloseNear()
        {
            foreach (int which in Windows.StandardStreams)
            {
                Windows.SetStdHandle(which, IntPtr.Zero);
            }

            this.Input.DisposeLocalCopyOfClientHandle();
            this.Output.DisposeLocalCopyOfClientHandle();
            this.Error.DisposeLocalCopyOfClientHandle();
        }

        public void Dispose()
        {
            this.Input.Dispose();
            this.Output.Dispose();
            this.Error.Dispose();
        }

        private static AnonymousPipeServerStream Opened(PipeDirection direction, int which)
        {
            var pipe = new AnonymousPipeServerStream(direction, HandleInheritability.Inheritable, Piece);
            Windows.SetStdHandle(which, pipe.ClientSafePipeHandle.DangerousGetHandle());
            return pipe;
        }

        private static StreamWriter Writer(Stream stream)
        {
            return new StreamWriter(stream, Utf8, Buffered) { AutoFlush = true };
        }

        /// <summary>PowerShell 7 has one switch for the whole process, which any script may turn.</summary>
        private static void HaveNoColours()
        {
            Type style = typeof(PSObject).Assembly.GetType("System.Management.Automation.PSStyle");
            if (style != null)
            {
                PropertyInfo rendering = style.GetProperty("OutputRendering");
                rendering.SetValue(style.GetProperty("Instance").GetValue(null, null), Enum.Parse(rendering.PropertyType, "PlainText"), null);
            }
        }

        /// <summary>The host is to use these, too. Else it would go on writing to those before, which were an earlier call's.</summary>
        private static void Forget(PSHost host)
        {
            const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic;
            PropertyInfo outer = host.GetType().GetProperty("ExternalHost", Hidden);
            var console = outer == null ? null : outer.GetValue(host, null) as PSHost;
            foreach (object one in console == null ? new object[0] : new object[] { console, console.UI })
            {
                foreach (string name in Remembering)
                {
                    FieldInfo field = one == null ? null : one.GetType().GetField(name, Hidden);
                    if (field != null)
                    {
                        field.SetValue(one, null);
                    }
                }
            }
        }
    }
}
