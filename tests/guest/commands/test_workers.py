"""The processes of a resident: who gets which, what is lost with one, and what is not."""

from __future__ import annotations

import threading

import pytest

from pytest_smolvm.errors import GuestUnreachable, ResidentLost, TimedOut
from pytest_smolvm.guest.commands.shells import Script, Sinks
from tests.guest.commands.residents import Worker, answer, call, guest, refused, tunnel


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
