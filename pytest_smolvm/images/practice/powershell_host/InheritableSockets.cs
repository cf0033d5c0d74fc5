using System;
using System.Management.Automation;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32;

namespace PracticeGuest;

/// <summary>
/// Sockets as .NET Framework has them, if the guest's switch is on: every program inherits those that are open when it is
/// started. .NET has asked Windows for sockets that nobody inherits since version 3. Only what scripts name is covered.
/// </summary>
internal static partial class InheritableSockets
{
    private const string Switches = @"HKEY_LOCAL_MACHINE\SOFTWARE\pytest-smolvm\practice";
    private const int Inherited = 1; // HANDLE_FLAG_INHERIT

    /// <summary>Have the names in scripts mean our kinds of sockets, if the switch is on.</summary>
    public static void PrepareIfWanted()
    {
        if (Registry.GetValue(Switches, nameof(InheritableSockets), 0) is not int wanted || wanted == 0)
        {
            return;
        }

        var names = typeof(PSObject).Assembly.GetType("System.Management.Automation.TypeAccelerators", throwOnError: true)!;
        var add = names.GetMethod("Add", [typeof(string), typeof(Type)])!;
        foreach (var kind in new[] { typeof(InheritableListener), typeof(InheritableSocket) })
        {
            var name = kind.BaseType!.FullName!;
            add.Invoke(null, [name, kind]);
            add.Invoke(null, [name["System.".Length..], kind]);
        }
    }

    internal static Socket Inherit(Socket socket)
    {
        SetHandleInformation(socket.Handle, Inherited, Inherited);
        return socket;
    }

    [LibraryImport("kernel32.dll")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetHandleInformation(IntPtr handle, int mask, int flags);
}

/// <summary>A listener whose sockets are inherited.</summary>
public sealed class InheritableListener(IPAddress address, int port) : TcpListener(address, port)
{
    public new void Start()
    {
        base.Start();
        InheritableSockets.Inherit(Server);
    }

    public new TcpClient AcceptTcpClient()
    {
        var client = base.AcceptTcpClient();
        InheritableSockets.Inherit(client.Client);
        return client;
    }

    public new async System.Threading.Tasks.Task<TcpClient> AcceptTcpClientAsync()
    {
        var client = await base.AcceptTcpClientAsync().ConfigureAwait(false);
        InheritableSockets.Inherit(client.Client);
        return client;
    }
}

/// <summary>A socket that is inherited.</summary>
public sealed class InheritableSocket : Socket
{
    public InheritableSocket(AddressFamily family, SocketType kind, ProtocolType protocol)
        : base(family, kind, protocol) => InheritableSockets.Inherit(this);
}
