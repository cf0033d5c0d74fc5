"""QEMU's guest agent, which some systems run: programs started in a guest that nobody can log in to.

It speaks JSON, a line a message, on a port of a virtio serial device (QEMU's "QEMU Guest Agent Protocol Reference").
"""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from pytest_smolvm.errors import MonitorError, TimedOut
from pytest_smolvm.host.clock import sleep
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.host.waiting import Deadline
from pytest_smolvm.machine.json_lines import JsonLines

_ANSWER_SECONDS = stretched(60.0)
# What is sent before the agent is there waits for it in QEMU; a driver that starts meanwhile may throw it away.
_SYNC_SECONDS = stretched(15.0)
_LOOK_SECONDS = 0.5
# Before an answer to guest-sync-delimited, and before a request that is to end whatever came before it.
_MARK = b"\xff"
# What reading an answer brings that is none: no JSON, no object, or one without what was asked for.
_SENSELESS = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Ended:
    """What came of a program."""

    exit_code: int
    stdout: str
    """With a question mark in the place of what is not ASCII."""
    stderr: str


class Agent:
    """A conversation with the agent of one guest.

    :param connection: a socket whose other end QEMU has as the agent's port; the caller closes it.
    :param watch: called while waiting; raises if the guest is gone, whose QEMU may still be there.
    :param sync: seconds after which one that has not answered is asked again.
    """

    def __init__(
        self, connection: socket.socket, watch: Callable[[], object] = nothing, sync: float = _SYNC_SECONDS
    ) -> None:
        self._lines = JsonLines(connection, "the guest agent")
        self._watch = watch
        self._sync = sync
        self._numbers = count(1)

    def wait(self, timeout: float) -> None:
        """Wait until it answers.

        :raises TimedOut: it does not within `timeout` seconds.
        :raises GuestDied: QEMU ended, or what else `watch` finds.
        """
        deadline = Deadline(timeout)
        while True:
            self._watch()
            number = next(self._numbers)
            request = {"execute": "guest-sync-delimited", "arguments": {"id": number}}
            self._lines.send(request, deadline, mark=_MARK)
            try:
                self._pass_over(number, Deadline(deadline.at_most(self._sync)))
            except TimedOut:
                if deadline.passed:
                    raise TimedOut("the guest agent to answer", timeout) from None
            else:
                return

    def execute(self, command: str, **arguments: Any) -> Any:
        """Have it do something, and return the answer.

        :param arguments: underscores in their names become dashes.
        :raises MonitorError: it refuses; some of its commands may be forbidden to it. Or its answer makes no sense.
        :raises TimedOut: it does not answer.
        :raises GuestDied: QEMU ended.
        """
        deadline = Deadline(_ANSWER_SECONDS)
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._lines.send({"execute": command, "arguments": named}, deadline)
        line = self._lines.receive(deadline)
        with _understood(command):
            answer = _message(line)
            if "error" in answer:
                raise MonitorError(_who(command), str(answer["error"].get("desc", "")))
            return answer.get("return")

    def run(self, program: str, *arguments: str, timeout: float) -> Ended:
        """Run a program of the guest to its end, as the user that the agent runs as: on Windows, SYSTEM.

        :param timeout: seconds to its end.
        :raises TimedOut: it has not ended by then; it goes on.
        :raises SmolVMError: as :meth:`execute` does.
        """
        started = self.execute("guest-exec", path=program, arg=list(arguments), capture_output=True)
        with _understood("guest-exec"):
            number = started["pid"]
        deadline = Deadline(timeout)
        while True:
            state = self.execute("guest-exec-status", pid=number)
            with _understood("guest-exec-status"):
                if state["exited"]:
                    return Ended(state.get("exitcode", -1), _text(state, "out-data"), _text(state, "err-data"))
            self._watch()
            if deadline.passed:
                raise TimedOut(f"{program} in the guest to end", timeout)
            sleep(deadline.at_most(_LOOK_SECONDS))  # it tells nothing by itself

    def start(self, program: str, *arguments: str) -> None:
        """Start a program of the guest, and ask no more about it: the agent may be gone before it ends.

        :raises SmolVMError: as :meth:`execute` does.
        """
        self.execute("guest-exec", path=program, arg=list(arguments))

    def _pass_over(self, number: int, deadline: Deadline) -> None:
        """Whatever was said before the answer to a question of this number, also half of something."""
        answer: Any = None
        while answer != number:
            with suppress(*_SENSELESS):
                answer = _message(self._lines.receive(deadline)).get("return")


def _message(line: bytes) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(line.rpartition(_MARK)[2])
    return message


@contextmanager
def _understood(command: str) -> Iterator[None]:
    """A guest may say anything: a line of its own to a port that echoes, or half of one as it restarts."""
    try:
        yield
    except _SENSELESS as exc:
        raise MonitorError(_who(command), f"its answer makes no sense: {exc!r}") from exc


def _who(command: str) -> str:
    return f"{command} (guest agent)"


def _text(state: dict[str, Any], name: str) -> str:
    return base64.b64decode(state.get(name, "")).decode("ascii", "replace")
