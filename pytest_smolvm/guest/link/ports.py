"""TCP ports of the guest on this host, and ports of this host in the guest, inside the SSH connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import paramiko

from pytest_smolvm.errors import SmolVMError, UsageError

_CHUNK = 65536
_MAX = 65535


class End(Protocol):
    """One end of a connection: a socket or an SSH channel."""

    def recv(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""

    def sendall(self, data: bytes, /) -> object:
        """Send all of `data`."""

    def shutdown(self, how: int, /) -> None:
        """End one direction."""

    def close(self) -> object:
        """End it."""


def check(port: int, least: int = 1) -> int:
    """`port`, if it is one.

    :raises UsageError: it is not.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not least <= port <= _MAX:
        raise UsageError(f"port={port!r} must be a whole number from {least} to {_MAX}")
    return port


@contextmanager
def forwarded(tunnel: Callable[[], End]) -> Iterator[tuple[str, int]]:
    """A local address for the length of the block, each connection to which goes through a tunnel of its own.

    :param tunnel: makes one; where it fails, the connection is closed.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_ends: set[End] = set()
        accepting = threading.Thread(
            target=_accept, args=(listener, tunnel, open_ends), name="smolvm-accept", daemon=True
        )
        accepting.start()
        try:
            host, port = listener.getsockname()
            yield host, port
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            accepting.join()
            for end in tuple(open_ends):
                _cut(end)


def answer(port: int) -> Callable[[paramiko.Channel], None]:
    """What connects a channel that the guest opened to `port` of this host's loopback."""

    def connect(channel: paramiko.Channel) -> None:
        def serve() -> None:
            try:
                server = socket.create_connection(("127.0.0.1", port))
            except OSError:
                channel.close()  # the guest's program sees what it would see of a server that is not there
                return
            join(channel, server)

        threading.Thread(target=serve, name="smolvm-expose", daemon=True).start()

    return connect


def join(one: End, other: End) -> None:
    """Copy both ways until both directions have ended, then close both."""
    back = threading.Thread(target=_copy, args=(other, one), name="smolvm-copy", daemon=True)
    back.start()
    _copy(one, other)
    back.join()
    one.close()
    other.close()


def _accept(listener: socket.socket, tunnel: Callable[[], End], open_ends: set[End]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the block has ended
        open_ends.add(connection)  # before the block can end
        threading.Thread(
            target=_serve, args=(connection, tunnel, open_ends), name="smolvm-forward", daemon=True
        ).start()


def _serve(connection: socket.socket, tunnel: Callable[[], End], open_ends: set[End]) -> None:
    try:
        through = tunnel()
    except (SmolVMError, OSError):
        open_ends.discard(connection)
        connection.close()  # as if nobody listened, which is most often so
        return
    join(connection, through)
    open_ends.discard(connection)


def _copy(source: End, target: End) -> None:
    try:
        while data := source.recv(_CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)  # the other direction may go on
    except (OSError, EOFError, paramiko.SSHException):
        for end in (source, target):
            _cut(end)


def _cut(end: End) -> None:
    """End it in a way that wakes the thread that reads from it."""
    try:
        end.shutdown(socket.SHUT_RDWR)  # does that for a socket
        if not isinstance(end, socket.socket):
            end.close()  # does that for a channel
    except (OSError, EOFError, paramiko.SSHException):
        pass  # it is closed
