"""Calls of a resident, against a guest's half made of sockets."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from dataclasses import asdict

import pytest

from pytest_smolvm.errors import ResidentLost, TimedOut
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.commands.frames import Broken, Call, Frames
from pytest_smolvm.guest.commands.resident import Endpoint
from pytest_smolvm.guest.commands.shells import Script, Sinks
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.host.waiting import Deadline
from tests.guest.commands.residents import SECRET, Worker, answer, call, guest, tunnel


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


def test_a_request_of_any_size_goes_over_a_connection_that_stays() -> None:
    """Whether it still stands is asked with a time-out that must not bound what follows."""
    with guest(answer) as client:
        for script in ("x", "x" * 20_000_000):
            out = bytearray()
            client.run(Script(script, timeout=60), Sinks(out.extend, out.extend))

    assert str(len(powershell.request("x" * 20_000_000))).encode() == out


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


def test_a_port_that_listens_with_nobody_behind_it_is_not_waited_for_for_ever() -> None:
    """As one does whose process has ended, and that a program has inherited."""
    here, there = socket.socketpair()
    with here, there:
        call = Call(Frames(here), b"", Deadline(None), Sinks(nothing, nothing), begin=0.2)

        with pytest.raises(Broken, match="nobody has said in time"):
            call.run(powershell.request("script"))

    assert not call.begun


def test_a_script_that_has_begun_has_all_the_time_it_was_given() -> None:
    here, there = socket.socketpair()
    with here, there:
        call = Call(Frames(here), b"", Deadline(10.0), Sinks(nothing, nothing), begin=0.2)
        there.sendall(b"b" + struct.pack("<i", 0))
        later = threading.Timer(0.5, there.sendall, [b"x" + struct.pack("<iI", 4, 3)])
        later.start()

        assert 3 == call.run(powershell.request("script"))
        later.join()
