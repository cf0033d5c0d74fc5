using System;
using System.IO;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace PracticeGuest;

/// <summary>
/// Sockets as .NET Framework has them, if the guest's switch is on: every program inherits those that are open when it is
/// started. .NET has asked Windows for sockets that nobody inherits since version 3.
/// </summary>
internal static class InheritableSockets
{
    private const string Windows = "ws2_32.dll";
    private const string Ours = "sockets.dll";

    /// <summary>Before the first socket: have it made by ours, whoever asks for it.</summary>
    public static void PrepareIfWanted()
    {
        if (Switch.IsOn(nameof(InheritableSockets)))
        {
            NativeLibrary.SetDllImportResolver(typeof(Socket).Assembly, static (name, _, _) =>
                name.Equals(Windows, StringComparison.OrdinalIgnoreCase)
                    ? NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, Ours))
                    : IntPtr.Zero);
        }
    }
}
