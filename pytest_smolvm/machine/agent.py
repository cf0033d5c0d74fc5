"""QEMU's guest agent, which some systems run: programs started in a guest that nobody can log in to.

It speaks JSON, a line a message, on a port of a virtio serial device (QEMU's "QEMU Guest Agent Protocol Reference").
"""

from __future__ import annotations

import base64
import json
import socket
from dataclasses import dataclass
from itertools import count
from typing import Any

from pytest_smolvm.errors import MonitorError, TimedOut
from pytest_smolvm.host.clock import sleep
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline
from pytest_smolvm.machine.json_lines import JsonLines

_ANSWER_SECONDS = stretched(60.0)
# What is sent before the agent is there waits for it in QEMU; a driver that starts meanwhile may throw it away.
_SYNC_SECONDS = stretched(15.0)
_LOOK_SECONDS = 0.5
# Before an answer to guest-sync-delimited, and before a request that is to end whatever came before it.
_MARK = b"\xff"


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
    :param sync: seconds after which one that has not answered is asked again.
    """

    def __init__(self, connection: socket.socket, sync: float = _SYNC_SECONDS) -> None:
        self._lines = JsonLines(connection, "the guest agent")
        self._sync = sync
        self._numbers = count(1)

    def wait(self, timeout: float) -> None:
        """Wait until it answers.

        :raises TimedOut: it does not within `timeout` seconds.
        :raises GuestDied: QEMU ended.
        """
        deadline = Deadline(timeout)
        while True:
            number = next(self._numbers)
            request = {"execute": "guest-sync-delimited", "arguments": {"id": number}}
            self._lines.send(request, deadline, mark=_MARK)
            try:
                while self._answer(Deadline(deadline.at_most(self._sync))).get("return") != number:
                    pass
            except TimedOut:
                if deadline.passed:
                    raise TimedOut("the guest agent to answer", timeout) from None
            else:
                return

    def execute(self, command: str, **arguments: Any) -> Any:
        """Have it do something, and return the answer.

        :param arguments: underscores in their names become dashes.
        :raises MonitorError: it refuses; some of its commands may be forbidden to it.
        :raises TimedOut: it does not answer.
        :raises GuestDied: QEMU ended.
        """
        deadline = Deadline(_ANSWER_SECONDS)
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._lines.send({"execute": command, "arguments": named}, deadline)
        answer = self._answer(deadline)
        if "error" in answer:
            raise MonitorError(f"{command} (guest agent)", str(answer["error"].get("desc", "")))
        return answer.get("return")

    def run(self, program: str, *arguments: str, timeout: float) -> Ended:
        """Run a program of the guest to its end, as the user that the agent runs as: on Windows, SYSTEM.

        :param timeout: seconds to its end.
        :raises TimedOut: it has not ended by then; it goes on.
        :raises SmolVMError: as :meth:`execute` does.
        """
        number = self.execute("guest-exec", path=program, arg=list(arguments), capture_output=True)["pid"]
        deadline = Deadline(timeout)
        while True:
            state = self.execute("guest-exec-status", pid=number)
            if state["exited"]:
                return Ended(state.get("exitcode", -1), _text(state, "out-data"), _text(state, "err-data"))
            if deadline.passed:
                raise TimedOut(f"{program} in the guest to end", timeout)
            sleep(deadline.at_most(_LOOK_SECONDS))  # it tells nothing by itself

    def start(self, program: str, *arguments: str) -> None:
        """Start a program of the guest, and ask no more about it: the agent may be gone before it ends.

        :raises SmolVMError: as :meth:`execute` does.
        """
        self.execute("guest-exec", path=program, arg=list(arguments))

    def _answer(self, deadline: Deadline) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._lines.receive(deadline).rpartition(_MARK)[2])
        return answer


def _text(state: dict[str, Any], name: str) -> str:
    return base64.b64decode(state.get(name, "")).decode("ascii", "replace")
