"""An SSH server in this process, for tests of the host's half that need no guest."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paramiko
from cryptography.hazmat.primitives.asymmetric import ec

from pytest_smolvm.guest.link.channels import Patience
from pytest_smolvm.guest.link.login import Account
from pytest_smolvm.host.progress import nothing

PASSWORD = "right"
_NUMBER = ec.derive_private_key(4711, ec.SECP256R1())
HOST_KEY = paramiko.ECDSAKey(vals=(_NUMBER, _NUMBER.public_key()))
"""The same in every process, for whoever has to have a key that is known elsewhere."""


class Server(paramiko.ServerInterface):
    """One connection's server: it lets in whoever has the password, and runs no command but says what its code is.

    :param code: each command's exit code; None has them run for ever.
    """

    def __init__(self, code: int | None = 0) -> None:
        self._code = code

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        return int(paramiko.AUTH_SUCCESSFUL if password == PASSWORD else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if self._code is not None:
            threading.Timer(0.01, self.finish, [channel, self._code]).start()  # once the request was answered
        return True

    @staticmethod
    def finish(channel: paramiko.Channel, code: int) -> None:
        """End a command."""
        channel.send_exit_status(code)
        channel.close()


Behaviour = Callable[[socket.socket], object]
"""What a server does with a new connection."""


def serving(
    server: paramiko.ServerInterface | None = None,
    key: paramiko.PKey | None = None,
    files: type[paramiko.SFTPServerInterface] = paramiko.SFTPServerInterface,
) -> Behaviour:
    """An SSH server that works.

    :param files: its SFTP.
    """
    key = key or paramiko.ECDSAKey.generate()

    def serve(connection: socket.socket) -> paramiko.Transport:
        transport = paramiko.Transport(connection)
        transport.add_server_key(key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files)
        transport.start_server(threading.Event(), server or Server())
        return transport

    return serve


def reset(connection: socket.socket) -> None:
    """A server that ends just after its banner."""
    connection.sendall(b"SSH-2.0-OpenSSH_for_Windows_9.5\r\n")
    connection.close()


@contextmanager
def listening(*behaviours: Behaviour) -> Iterator[Account]:
    """A port whose connections meet one behaviour after the other, all later ones the last; and an account there."""
    taken: list[object] = []

    def accept(listener: socket.socket) -> None:
        while True:
            select.select([listener], [], [])  # as QEMU does: behind a fence, accepting does not wait
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # the block has ended
            taken.append(behaviours[min(len(taken), len(behaviours) - 1)](connection))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=[listener])
        thread.start()
        try:
            yield Account(listener.getsockname()[1], "smolvm", PASSWORD, nothing, Patience(pause=0.0))
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # closing it would not wake the thread
            thread.join()
            for end in taken:
                if isinstance(end, (paramiko.Transport, socket.socket)):
                    end.close()
