"""The monitor against a scripted QEMU on a socket pair."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from pytest_smolvm.errors import GuestDied, MonitorError, TimedOut
from pytest_smolvm.host.waiting import Deadline
from pytest_smolvm.machine import qmp as protocol
from pytest_smolvm.machine.qmp import Monitor

Handler = Callable[[dict[str, Any]], list[dict[str, Any]]]


@contextmanager
def monitor(handler: Handler) -> Iterator[Monitor]:
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs, theirs.makefile("rb") as lines:
            for line in lines:
                for answer in handler(json.loads(line)):
                    theirs.sendall(json.dumps(answer).encode() + b"\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    with ours:
        yield Monitor(ours)
    thread.join()


def test_events_before_the_reply_are_kept_for_whoever_waits() -> None:
    with monitor(lambda _: [{"event": "SHUTDOWN"}, {"return": {"status": "running"}}]) as qmp:
        assert qmp.execute("query-status") == {"status": "running"}
        assert qmp.wait("SHUTDOWN", timeout=1)["event"] == "SHUTDOWN"


def test_an_event_is_known_by_its_name_and_time() -> None:
    event = {"event": "RESET", "timestamp": {"seconds": 100, "microseconds": 500000}}
    with monitor(lambda _: [event, {"return": {}}]) as qmp:
        qmp.execute("query-status")
        told = [qmp.told("RESET", 100.4), qmp.told("RESET", 100.6), qmp.told("SHUTDOWN", 0)]
        assert qmp.wait("RESET", timeout=1) == event

    assert [True, False, False] == told


def test_what_happened_before_a_mark_is_not_what_is_waited_for() -> None:
    """Whatever the host's clock says of either."""
    told = iter([[{"event": "RESET", "data": 1}], [{"event": "RESET", "data": 2}]])
    with monitor(lambda _: [*next(told), {"return": {}}]) as qmp:
        mark = qmp.mark()
        qmp.execute("query-status")
        assert 2 == qmp.wait("RESET", timeout=1, since=mark)["data"]
        with pytest.raises(TimedOut):
            qmp.wait("RESET", timeout=0.05, since=mark)


def test_a_refusal_carries_the_command_and_qemus_words() -> None:
    with monitor(lambda _: [{"error": {"class": "GenericError", "desc": "no such device"}}]) as qmp:
        with pytest.raises(MonitorError, match="refused device_del: no such device"):
            qmp.execute("device_del", id="x")


def test_underscores_become_dashes() -> None:
    seen = []
    with monitor(lambda request: seen.append(request) or [{"return": {}}]) as qmp:  # type: ignore[func-returns-value]
        qmp.execute("x", command_line="info")
    assert seen[0]["arguments"] == {"command-line": "info"}


def test_the_end_of_qemu_is_an_error_of_its_own() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(GuestDied):
        Monitor(ours).execute("query-status")


def test_no_answer_times_out() -> None:
    with monitor(lambda _: []) as qmp, pytest.raises(TimedOut):
        qmp.execute("query-status", timeout=0.05)


def test_a_time_out_that_comes_just_then_is_no_end_of_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the clock and the wait."""
    times = iter([0.0, 0.5, *1000 * [2.0]])  # it begins, has not come yet, and comes
    monkeypatch.setattr(protocol, "Deadline", partial(Deadline, clock=partial(next, times)))
    ours, theirs = socket.socketpair()

    with ours, theirs, pytest.raises(TimedOut):
        Monitor(ours).wait("RESET", timeout=1.0)


def test_a_qemu_that_does_not_listen_times_out() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(TimedOut, match="listen"):
        Monitor(ours).execute("x", timeout=0.1, much="x" * 2**24)


def test_of_events_that_nobody_asks_for_the_last_are_kept() -> None:
    """A guest may restart for ever."""
    events = [{"event": "RESET", "data": number} for number in range(1500)]
    with monitor(lambda _: [*events, {"return": {}}]) as qmp:
        qmp.execute("query-status")
        assert 500 == qmp.wait("RESET", timeout=1)["data"]


def test_a_late_reply_is_not_the_next_commands() -> None:
    requests: list[dict[str, Any]] = []

    def late(request: dict[str, Any]) -> list[dict[str, Any]]:
        requests.append(request)
        answers = [{"return": asked["execute"], "id": asked["id"]} for asked in requests]
        return answers if len(requests) > 1 else []

    with monitor(late) as qmp:
        with pytest.raises(TimedOut):
            qmp.execute("screendump", timeout=0.05)
        assert "query-status" == qmp.execute("query-status")
