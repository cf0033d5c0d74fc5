"""TCP ports of the guest on this host, and ports of this host in the guest, inside the SSH connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Protocol

from pytest_smolvm.errors import GuestUnreachable, SmolVMError, UsageError
from pytest_smolvm.guest.link.access import GuestMethods
from pytest_smolvm.guest.link.channels import BROKEN, Stream
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import PATIENCE, until_seen

_CHUNK = 65536
_MAX = 65535
_CONNECT_SECONDS = stretched(10.0)


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


class PortMethods(GuestMethods):
    """TCP ports of a guest, and waiting for them. Time-outs are in seconds."""

    def wait_for_port(self, port: int, timeout: float = PATIENCE, *, host: str = "127.0.0.1") -> None:
        """Wait until something in the guest listens on a TCP port.

        :param host: as the guest names it.
        :raises TimedOut: nothing did; with the last refusal.
        """
        check(port)

        def connect() -> tuple[bool | None, str]:
            with self._using() as ssh:
                try:
                    ssh.tunnel(host, port, _CONNECT_SECONDS).close()
                except GuestUnreachable as exc:
                    if not ssh.alive:
                        raise
                    return None, str(exc)
                return True, ""

        until_seen(f"port {port} of {host} in the guest", connect, timeout)

    @contextmanager
    def forward(self, port: int, *, host: str = "127.0.0.1") -> Iterator[tuple[str, int]]:
        """A local address for a TCP server in the guest, for a block: ``with vm.forward(80) as (host, port)``.

        Each connection is made when somebody connects, so the server may come later. What the guest refuses is closed.

        :param host: where it listens, as the guest names it.
        """
        check(port)

        def tunnel() -> End:
            with self._using() as ssh:
                return ssh.tunnel(host, port)

        with forwarded(tunnel) as address:
            yield address

    @contextmanager
    def expose(self, port: int, *, guest_port: int | None = None) -> Iterator[int]:
        """Let the guest reach a server on this host's 127.0.0.1, for the length of the block.

        :param guest_port: the port on the guest's 127.0.0.1; None takes the same, 0 lets the guest choose.
        :returns: that port.
        :raises GuestUnreachable: the guest lets nobody listen there.
        """
        serve = answer(check(port))
        wanted = port if guest_port is None else check(guest_port, least=0)
        with self._using():
            second = self._running().another()  # stays what it is when the environment changes
        with closing(second) as connection:
            opened = connection.listen(wanted, serve)
            try:
                yield opened
            finally:
                connection.stop_listening(opened)


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


def answer(port: int) -> Callable[[Stream], None]:
    """What connects a channel that the guest opened to `port` of this host's loopback."""

    def connect(channel: Stream) -> None:
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
    except BROKEN:
        for end in (source, target):
            _cut(end)


def _cut(end: End) -> None:
    """End it in a way that wakes the thread that reads from it."""
    try:
        end.shutdown(socket.SHUT_RDWR)  # does that for a socket
        if not isinstance(end, socket.socket):
            end.close()  # does that for a channel
    except BROKEN:
        pass  # it is closed
