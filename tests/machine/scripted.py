"""A QEMU that answers by a script, on a socket pair."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from pytest_smolvm.host.progress import nothing
from pytest_smolvm.machine.qmp import Monitor

Answers = dict[str, list[dict[str, Any]]]
"""By command, with underscores for dashes: what QEMU sends."""

REFUSED: list[dict[str, Any]] = [{"error": {"desc": "State blocked by non-migratable device"}}]
STARTED: list[dict[str, Any]] = [{"return": {}}, {"event": "MIGRATION", "data": {"status": "active"}}]
DONE: list[dict[str, Any]] = [*STARTED, {"event": "MIGRATION", "data": {"status": "completed"}}]
FAILED: list[dict[str, Any]] = [*STARTED, {"event": "MIGRATION", "data": {"status": "failed"}}]


@contextmanager
def machine(
    *,
    asked: list[dict[str, Any]] | None = None,
    stream: Any = socket.socket.close,
    act: Any = nothing,
    **answers: list[dict[str, Any]],
) -> Iterator[Any]:
    """A machine whose QEMU answers commands so, and others with nothing in particular.

    :param asked: the commands are added to it.
    :param act: what else it does about a command before it answers.
    :param stream: what it does with a connection that is passed to it, once it is told to migrate.
    """
    ours, theirs = socket.socketpair()

    def serve() -> None:
        passed: list[int] = []
        with theirs:
            for request in _requests(theirs, passed):
                if asked is not None:
                    asked.append(request)
                act(request)
                if request["execute"].startswith("migrate") and passed:
                    with socket.socket(fileno=passed.pop()) as connection:
                        stream(connection)
                for answer in answers.get(request["execute"].replace("-", "_"), [{"return": {}}]):
                    theirs.sendall(json.dumps(_addressed(answer, request)).encode() + b"\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    with ours:
        yield SimpleNamespace(monitor=Monitor(ours), log_tail="")
    thread.join()


def _requests(connection: socket.socket, passed: list[int]) -> Iterator[dict[str, Any]]:
    """What is asked for, line by line; descriptors that come with it are added to `passed`."""
    buffer = bytearray()
    while True:
        data, descriptors, _, _ = socket.recv_fds(connection, 65536, 1)
        if not data:
            return
        passed += descriptors
        buffer += data
        *lines, rest = bytes(buffer).split(b"\n")
        buffer[:] = rest
        yield from map(json.loads, lines)


def _addressed(answer: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    return answer if "event" in answer or "id" not in request else {**answer, "id": request["id"]}
