"""A guest's half of the resident, made of sockets; and calls of the host's half."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pytest_smolvm.errors import GuestUnreachable
from pytest_smolvm.guest.commands.resident import Endpoint, Resident
from pytest_smolvm.guest.commands.shells import Script, Sinks
from tests.serving import serve_each

SECRET = "5e" * 32


class Worker:
    """The guest's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.secret = self._exactly(len(SECRET))

    def receive(self) -> tuple[bytes, bytes]:
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack("<i", head[1:])[0])

    def send(self, kind: bytes, data: bytes = b"") -> None:
        self.connection.sendall(kind + struct.pack("<i", len(data)) + data)

    def end(self, code: int) -> None:
        self.send(b"x", struct.pack("<I", code))

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.connection.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data


@contextmanager
def guest(serve: Callable[[Worker], None], processes: int = 1, patience: float = 5.0) -> Iterator[Resident]:
    """A resident whose processes do `serve` with every connection."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(processes)]

    def work(connection: socket.socket) -> None:
        with suppress(EOFError, OSError):  # the host has gone, as it may
            serve(Worker(connection))

    threads = [threading.Thread(target=serve_each, args=(listener, work)) for listener in listeners]
    for thread in threads:
        thread.start()
    endpoint = Endpoint(tuple(listener.getsockname()[1] for listener in listeners), SECRET)
    client = Resident(tunnel, endpoint, patience=patience)
    try:
        yield client
    finally:
        client.close()
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in threads:
            thread.join()


def tunnel(host: str, port: int) -> socket.socket:
    try:
        return socket.create_connection((host, port))
    except OSError as exc:
        raise GuestUnreachable(str(exc)) from exc


def refused(host: str, port: int) -> socket.socket:
    raise GuestUnreachable("refused")


def call(client: Resident, stdin: bytes = b"", timeout: float | None = 10) -> tuple[int, bytes, bytes]:
    out, err = bytearray(), bytearray()
    code = client.run(Script("script", stdin=stdin, timeout=timeout), Sinks(out.extend, err.extend))
    return code, bytes(out), bytes(err)


def answer(worker: Worker) -> None:
    """Print the request's size and the input, and return 7."""
    while True:
        kind, data = worker.receive()
        if kind == b"R":
            worker.send(b"o", str(len(data)).encode())
        elif kind == b"I":
            worker.send(b"e", data)
            worker.send(b"i")
        elif kind == b"E":
            worker.end(7)
