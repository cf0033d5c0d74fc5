/* sockets.dll: what PowerShell has in the place of ws2_32.dll if its sockets are to be as .NET Framework's. Those are made
 * without WSA_FLAG_NO_HANDLE_INHERIT, so that every program inherits the ones that are open when it is started. All the rest
 * is ws2_32.dll's (sockets.def). */
#include <winsock2.h>

SOCKET WSAAPI inheritable_socket(int family, int type, int protocol, WSAPROTOCOL_INFOW *info, GROUP group, DWORD flags)
{
    return WSASocketW(family, type, protocol, info, group, flags & ~WSA_FLAG_NO_HANDLE_INHERIT);
}
