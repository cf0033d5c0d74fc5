"""The guest's agent against a scripted one on a socket pair; a real one is in `tests/images/windows/foreign`."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_smolvm.errors import GuestDied, MonitorError, TimedOut
from pytest_smolvm.machine.agent import Agent

Handler = Callable[[dict[str, Any]], bytes]


@contextmanager
def agent(handler: Handler, sync: float = 5.0) -> Iterator[Agent]:
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs, theirs.makefile("rb") as lines:
            for line in lines:
                theirs.sendall(handler(json.loads(line.rpartition(b"\xff")[2])))

    thread = threading.Thread(target=serve)
    thread.start()
    with ours:
        yield Agent(ours, sync=sync)
    thread.join()


def returned(value: Any) -> bytes:
    return json.dumps({"return": value}).encode() + b"\n"


def test_what_was_said_before_is_passed_over() -> None:
    """Answers to somebody else, what is none, half of one, and a mark: what counts is the number that was just sent."""
    old = b'{"return": 77}\n"guest-sync"\n\xfe\n{"retu\n[1]\n{"retu'
    with agent(lambda request: old + b"\xff" + returned(request["arguments"]["id"])) as found:
        found.wait(5)


def test_an_agent_that_is_not_there() -> None:
    """Asked again and again, since what came too early may be lost."""
    asked: list[int] = []

    def late(request: dict[str, Any]) -> bytes:
        asked.append(request["arguments"]["id"])
        return b"" if len(asked) < 3 else b"\xff" + returned(asked[-1])

    with agent(late, 0.05) as found:
        found.wait(5)
    with agent(lambda _: b"", 0.05) as found, pytest.raises(TimedOut, match="the guest agent to answer"):
        found.wait(0.2)

    assert asked == [1, 2, 3]


def test_a_program_is_followed_to_its_end() -> None:
    """Its exit code, and what it has printed."""
    words = {"out-data": base64.b64encode(b"caf\xc3\xa9 SMOLVM-STEP:openssh:ok\r\n").decode()}
    answers: list[dict[str, Any]] = [{"pid": 7}, {"exited": False}, {"exited": True, "exitcode": 3, **words}]
    asked: list[dict[str, Any]] = []

    def ran(request: dict[str, Any]) -> bytes:
        asked.append(request)
        return returned(answers[len(asked) - 1])

    with agent(ran) as found:
        ended = found.run("cmd.exe", "/c", "ver", timeout=5)

    assert asked[0]["arguments"] == {"path": "cmd.exe", "arg": ["/c", "ver"], "capture-output": True}
    assert [request["arguments"] for request in asked[1:]] == [{"pid": 7}, {"pid": 7}]
    assert (ended.exit_code, ended.stderr) == (3, "")
    assert ended.stdout.endswith("SMOLVM-STEP:openssh:ok\r\n")


def test_a_program_that_takes_the_agent_along() -> None:
    """As a shutdown does: nobody waits for its end."""
    with agent(lambda request: returned({"pid": 7}) if request["execute"] == "guest-exec" else b"") as found:
        found.start("shutdown.exe", "/s")


def test_a_program_that_does_not_end() -> None:
    with (
        agent(
            lambda request: returned({"pid": 7} if request["execute"] == "guest-exec" else {"exited": False})
        ) as found,
        pytest.raises(TimedOut, match=r"setup\.exe in the guest to end"),
    ):
        found.run("setup.exe", timeout=0.1)


def test_a_command_that_is_forbidden() -> None:
    """As Red Hat's agents are set up."""
    refusal = b'{"error": {"class": "CommandNotFound", "desc": "The command guest-exec has been disabled"}}\n'
    with agent(lambda _: refusal) as found, pytest.raises(MonitorError, match=r"guest-exec .guest agent.: .*disabled"):
        found.run("cmd.exe", timeout=5)


def test_qemu_ends() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(GuestDied):
        Agent(ours).wait(5)


def test_a_guest_that_is_gone() -> None:
    """It is not waited for, though its QEMU stays: a system that has turned itself off."""
    looks: list[None] = []

    def watch() -> None:
        looks.append(None)
        if len(looks) == 3:
            raise GuestDied("the guest is gone")

    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(GuestDied, match="the guest is gone"):
        Agent(ours, watch, sync=0.05).wait(60)


@pytest.mark.parametrize(
    "said",
    [
        b'{"execute": "guest-ex\n',
        b"\xfe\xfe\n",
        b"[1]\n",
        b'{"error": "no"}\n',
        b'{"return": {"id": 7}}\n',
        b'{"return": null}\n',
    ],
)
def test_an_answer_that_makes_no_sense(said: bytes) -> None:
    """Half of a line after a reset, or what something else writes to the port."""
    with agent(lambda _: said) as found, pytest.raises(MonitorError, match=r"guest-exec .guest agent.: .* no sense"):
        found.run("cmd.exe", timeout=5)


def test_output_that_is_not_what_it_should_be() -> None:
    answers = iter([returned({"pid": 7}), returned({"exited": True, "out-data": "a"})])
    with agent(lambda _: next(answers)) as found, pytest.raises(MonitorError, match=r"guest-exec-status .*no sense"):
        found.run("cmd.exe", timeout=5)
