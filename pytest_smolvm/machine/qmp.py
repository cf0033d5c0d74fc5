"""QEMU's machine protocol (QMP) over a connected socket."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from itertools import count
from typing import Any

from pytest_smolvm.errors import MonitorError
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline
from pytest_smolvm.machine.json_lines import JsonLines

Reply = dict[str, Any]
# More than anybody asks for; a guest that restarts for ever must not fill our memory.
_EVENTS = 1000
ANSWER_SECONDS = stretched(30.0)
"""How long QEMU may take for an answer, if nobody says otherwise."""


def at(event: Reply) -> float:
    """When an event happened, in seconds since 1970."""
    stamp = event["timestamp"]
    return float(stamp["seconds"] + stamp["microseconds"] / 1e6)


class Monitor:
    """One QMP conversation. Safe to use from several threads, one command at a time.

    :param connection: a socket whose other end QEMU holds; the caller closes it.
    :param unread: what QEMU has said on it before, and nobody has taken note of.
    """

    def __init__(self, connection: socket.socket, unread: bytes = b"") -> None:
        self._lines = JsonLines(connection, "QEMU's monitor", unread)
        self._events: deque[tuple[int, Reply]] = deque(maxlen=_EVENTS)
        """Each with its number."""
        self._told = 0
        """How many QEMU has told of so far."""
        self._lock = threading.Lock()
        self._numbers = count(1)

    def greet(self, timeout: float = ANSWER_SECONDS) -> str:
        """Take the greeting, leave negotiation mode, return QEMU's version (``7.2.22``).

        :raises GuestDied: QEMU closed the connection.
        """
        version = self._read(Deadline(timeout))["QMP"]["version"]["qemu"]
        self.execute("qmp_capabilities")
        return f"{version['major']}.{version['minor']}.{version['micro']}"

    def execute(self, command: str, *, timeout: float = ANSWER_SECONDS, **arguments: Any) -> Any:
        """Run one command and return its result.

        :param arguments: underscores in their names become dashes.
        :param timeout: seconds to the reply.
        :raises MonitorError: QEMU refused.
        :raises GuestDied: the connection closed.
        :raises TimedOut: no reply.
        """
        request: Reply = {"execute": command}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        return self._answer(request, Deadline(timeout))

    def left(self) -> tuple[socket.socket, bytes]:
        """What another Monitor, perhaps another process', goes on with: connection and `unread`.

        From then on it is the other's, and this object is not used any more.
        """
        with self._lock:
            return self._lines.left()

    def hand_over(self, connection: socket.socket, name: str) -> None:
        """Give QEMU a connection, which others of its commands then call ``fd:name``.

        :raises SmolVMError: as :meth:`execute` does.
        """
        self._answer({"execute": "getfd", "arguments": {"fdname": name}}, Deadline(ANSWER_SECONDS), connection)

    def human(self, line: str) -> str:
        """Run one line of the human monitor and return what it prints."""
        return str(self.execute("human-monitor-command", command_line=line))

    def mark(self) -> int:
        """How many events QEMU has told of until now.

        :raises SmolVMError: as :meth:`execute` does.
        """
        self.execute("query-status")  # what happened before it is told before its answer
        return self._told

    def wait(self, *names: str, timeout: float, since: int = 0) -> Reply:
        """The next event with one of these names; earlier events that nobody asked for are dropped.

        :param since: what :meth:`mark` returned; what happened before is none of these.
        :raises TimedOut: none came within `timeout` seconds.
        :raises GuestDied: the connection closed.
        """
        deadline = Deadline(timeout)
        with self._lock:
            while True:
                if not self._events:
                    self._keep(self._read(deadline))
                    continue
                number, event = self._events.popleft()
                if number > since and event["event"] in names:
                    return event

    def told(self, name: str, since: float) -> bool:
        """Whether an event of this name has come with the answers so far.

        :param since: seconds since 1970; earlier ones do not count.
        """
        with self._lock:
            return any(event["event"] == name and at(event) >= since for _, event in self._events)

    def _answer(self, request: Reply, deadline: Deadline, passed: socket.socket | None = None) -> Any:
        number = next(self._numbers)
        with self._lock:
            self._lines.send({**request, "id": number}, deadline, passed=passed)
            while True:
                answer = self._read(deadline)
                if "event" in answer:  # QEMU sends events at any time, also before the reply
                    self._keep(answer)
                elif answer.get("id", number) != number:
                    pass  # the late reply to a command that nobody waits for any more
                elif "error" in answer:
                    raise MonitorError(request["execute"], answer["error"]["desc"])
                else:
                    return answer["return"]

    def _keep(self, answer: Reply) -> None:
        if "event" in answer:  # else a late reply
            self._told += 1
            self._events.append((self._told, answer))

    def _read(self, deadline: Deadline) -> Reply:
        answer: Reply = json.loads(self._lines.receive(deadline))
        return answer
