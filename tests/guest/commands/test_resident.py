"""The host's half of the resident, against a guest's half made of sockets."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import pytest

from pytest_smolvm.errors import GuestUnreachable, ResidentLost, TimedOut
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.commands.resident import Endpoint, Resident
from pytest_smolvm.guest.commands.shells import Script, Sinks

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

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    serve(Worker(connection))
                except (EOFError, OSError):
                    pass  # the host has gone, as it may

    threads = [threading.Thread(target=accept, args=(listener,)) for listener in listeners]
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


def test_the_secret_comes_first() -> None:
    seen = []

    def serve(worker: Worker) -> None:
        seen.append(worker.secret)
        answer(worker)

    with guest(serve) as client:
        call(client)

    assert [SECRET.encode()] == seen


def test_streams_exit_code_and_a_connection_that_stays() -> None:
    with guest(answer) as client:
        results = [call(client), call(client)]

    size = len(powershell.request("script"))
    assert [(7, str(size).encode(), b"")] * 2 == results


def test_a_call_uses_no_connection_but_the_one_it_was_given() -> None:
    """The other may be closed at any time."""
    connections = []

    def serve(worker: Worker) -> None:
        connections.append(worker)
        answer(worker)

    def other(host: str, port: int) -> socket.socket:
        return tunnel(host, port)

    with guest(serve) as client:
        call(client)
        results = [call(client.via(other)) for _ in range(2)]

    assert [7, 7] == [code for code, _, _ in results]
    assert 2 == len(connections)


def test_much_input_is_sent_as_it_is_taken() -> None:
    data = bytes(range(256)) * 4096

    with guest(answer) as client:
        code, _, err = call(client, data)

    assert (7, data) == (code, err)


def test_no_more_than_two_pieces_of_input_are_under_way() -> None:
    waiting: list[bytes] = []

    def serve(worker: Worker) -> None:
        worker.receive()
        worker.connection.settimeout(0.2)
        try:
            while True:
                waiting.append(worker.receive()[0])
        except TimeoutError:
            worker.end(0)

    with guest(serve) as client:
        call(client, b"x" * 1_000_000)

    assert [b"I", b"I"] == waiting


def test_a_time_out_stops_the_script_and_keeps_what_it_printed() -> None:
    def serve(worker: Worker) -> None:
        while True:
            kind, _ = worker.receive()
            if kind == b"R":
                worker.connection.sendall(b"o" + struct.pack("<i", 4) + b"pa")  # half a frame when the time is up
            if kind == b"S":
                worker.connection.sendall(b"rt")
                worker.end(1)

    out = bytearray()
    with guest(serve) as client:
        with pytest.raises(TimedOut):
            client.run(Script("script", timeout=0.2), Sinks(out.extend, out.extend))
        alive = client.processes

    assert (b"part", 1) == (out, alive)


def test_nobody_there() -> None:
    with guest(answer) as client:
        pass

    with pytest.raises(ResidentLost) as caught:
        call(client)

    assert not caught.value.begun
    assert client.processes == 0


def test_lost_in_the_middle() -> None:
    def serve(worker: Worker) -> None:
        worker.receive()
        worker.send(b"o", b"last words")

    out = bytearray()
    with guest(serve) as client, pytest.raises(ResidentLost) as caught:
        client.run(Script("script"), Sinks(out.extend, out.extend))

    assert caught.value.begun
    assert b"last words" == out


def test_a_process_that_said_nothing_before_its_end_has_not_begun() -> None:
    def serve(worker: Worker) -> None:
        worker.receive()

    with guest(serve) as client, pytest.raises(ResidentLost) as caught:
        call(client)

    assert not caught.value.begun


def test_a_broken_way_is_no_dead_process() -> None:
    standing = True

    def serve(worker: Worker) -> None:
        nonlocal standing
        worker.receive()
        worker.send(b"b")
        standing = False

    with guest(serve) as client:
        there = client.via(tunnel, lambda: standing)
        with pytest.raises(GuestUnreachable):
            call(there)

        assert 1 == client.processes


def test_what_waited_for_a_call_that_was_cut_is_given_to_the_successor() -> None:
    """The process restarts itself when the script of a call that was cut does not end: whoever waited for it is not answered."""
    requests = iter(["cut", "not begun", "not begun", "served", "lost"])
    standing = True

    def serve(worker: Worker) -> None:
        nonlocal standing
        worker.receive()
        what = next(requests)
        if what == "cut":
            worker.send(b"b")
            standing = False
        elif what == "served":
            worker.end(3)

    with guest(serve) as client:
        with pytest.raises(GuestUnreachable):
            call(client.via(tunnel, lambda: standing))
        standing = True

        assert 3 == call(client)[0]
        with pytest.raises(ResidentLost):  # nothing is due any more
            call(client)


def test_a_restart_is_not_awaited_longer_than_the_call_may_take() -> None:
    def serve(worker: Worker) -> None:
        while worker.receive()[0] != b"S":
            pass

    with guest(serve) as client:
        with pytest.raises(TimedOut):
            call(client, timeout=0.1)
        gone = client.via(refused, lambda: True)
        with pytest.raises(TimedOut):
            call(gone, timeout=0.1)

        assert 1 == client.processes


def test_no_way_is_no_dead_process() -> None:
    with guest(answer) as client:
        with pytest.raises(GuestUnreachable):
            call(client.via(refused, lambda: False))

        assert 7 == call(client)[0]


def test_a_request_of_any_size_goes_over_a_connection_that_stays() -> None:
    """Whether it still stands is asked with a time-out that must not bound what follows."""
    with guest(answer) as client:
        for script in ("x", "x" * 20_000_000):
            out = bytearray()
            client.run(Script(script, timeout=60), Sinks(out.extend, out.extend))

    assert str(len(powershell.request("x" * 20_000_000))).encode() == out


def test_one_lost_process_leaves_the_others() -> None:
    deaths = iter([True, False, False])

    def serve(worker: Worker) -> None:
        if next(deaths):
            worker.receive()
        else:
            answer(worker)

    with guest(serve, processes=2) as client:
        with pytest.raises(ResidentLost):
            call(client)

        assert 7 == call(client)[0]
        assert 1 == client.processes


def test_calls_run_at_once_in_as_many_processes() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def serve(worker: Worker) -> None:
        worker.receive()
        meeting.wait()
        worker.end(0)

    with guest(serve, processes=2) as client:
        threads = [threading.Thread(target=call, args=(client,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert not meeting.broken


def test_callers_queue_for_a_process() -> None:
    results = []

    with guest(answer) as client:
        threads = [threading.Thread(target=lambda: results.append(call(client)[0])) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert [7] * 30 == results


def test_a_caller_does_not_queue_behind_what_does_not_move() -> None:
    begun, over = threading.Event(), threading.Event()

    def serve(worker: Worker) -> None:
        worker.receive()
        begun.set()
        over.wait(10)
        worker.end(0)

    with guest(serve, patience=0.1) as client:
        first = threading.Thread(target=call, args=(client,))
        first.start()
        begun.wait(10)
        with pytest.raises(ResidentLost, match="busy") as caught:
            call(client)
        over.set()
        first.join()

    assert not caught.value.begun


def test_a_reader_that_fails_ends_the_call_and_not_the_process() -> None:
    def fail(_: bytes) -> None:
        raise ValueError("no room")

    with guest(answer) as client:
        with pytest.raises(ValueError, match="no room"):
            client.run(Script("script"), Sinks(fail, fail))

        assert 7 == call(client)[0]


def test_the_clock_is_set_in_windows_units() -> None:
    seen = []

    def serve(worker: Worker) -> None:
        while True:
            seen.append(worker.receive())
            worker.send(b"c", b"\1")

    with guest(serve) as client:
        client.set_clock(0)
        client.set_clock()

    assert (b"C", struct.pack("<q", 116444736000000000)) == seen[0]
    assert abs(struct.unpack("<q", seen[1][1])[0] / 1e7 - 11644473600 - time.time()) < 10


def test_a_guest_that_refuses_its_clock() -> None:
    def serve(worker: Worker) -> None:
        worker.receive()
        worker.send(b"c", b"\0")

    with guest(serve) as client, pytest.raises(ResidentLost, match="clock"):
        client.set_clock()


def test_an_endpoint_survives_a_file_and_hides_its_secret() -> None:
    endpoint = Endpoint((1, 2), SECRET)

    assert endpoint == Endpoint.from_record(json.loads(json.dumps(asdict(endpoint))))
    assert SECRET not in repr(endpoint)
