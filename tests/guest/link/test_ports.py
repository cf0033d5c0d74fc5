"""Forwarded connections: both directions, half-closed ones, many at once. Real sockets, no guest."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_smolvm.errors import GuestUnreachable, UsageError
from pytest_smolvm.guest.link import ports


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that sends back what it got once the client has ended its side."""

    def serve(connection: socket.socket) -> None:
        with connection:
            got = b"".join(iter(lambda: connection.recv(65536), b""))
            connection.sendall(got)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,)).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _ask(address: tuple[str, int], data: bytes) -> bytes:
    with socket.create_connection(address, 10) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_an_end_of_one_direction_leaves_the_other_open(echo: tuple[str, int]) -> None:
    data = bytes(range(256)) * 10_000

    with ports.forwarded(lambda: socket.create_connection(echo)) as address:
        assert data == _ask(address, data)


def test_twenty_connections_at_once(echo: tuple[str, int]) -> None:
    with ports.forwarded(lambda: socket.create_connection(echo)) as address, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: _ask(address, b"%d" % n * 1000), range(20)))

    assert [b"%d" % n * 1000 for n in range(20)] == answers


@pytest.mark.parametrize("refusal", [GuestUnreachable("nobody listens"), ConnectionResetError()])
def test_a_connection_that_the_guest_refuses_is_closed(refusal: Exception) -> None:
    def refuse() -> ports.End:
        raise refusal

    with ports.forwarded(refuse) as address:
        with socket.create_connection(address, 10) as client:
            try:
                got = client.recv(1)
            except ConnectionResetError:
                got = b""

    assert b"" == got


def test_after_the_block_nobody_listens_and_open_connections_are_cut(echo: tuple[str, int]) -> None:
    through = threading.Event()

    def tunnel() -> socket.socket:
        server = socket.create_connection(echo)
        through.set()
        return server

    with ports.forwarded(tunnel) as address:
        client = socket.create_connection(address, 10)
        client.sendall(b"x")
        assert through.wait(10)

    with client, pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 10)
    assert not [thread.name for thread in threading.enumerate() if thread.name == "smolvm-accept"]


@pytest.mark.parametrize("port", [0, -1, 65536, "80", True, 1.5])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(UsageError):
        ports.check(port)
