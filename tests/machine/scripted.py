"""A QEMU that answers by a script, on a socket pair."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from pytest_smolvm.machine.qmp import Monitor

Answers = dict[str, list[dict[str, Any]]]
"""By command, with underscores for dashes: what QEMU sends."""

REFUSED: list[dict[str, Any]] = [{"error": {"desc": "State blocked by non-migratable device"}}]
STARTED: list[dict[str, Any]] = [{"return": {}}, {"event": "MIGRATION", "data": {"status": "active"}}]
DONE: list[dict[str, Any]] = [*STARTED, {"event": "MIGRATION", "data": {"status": "completed"}}]
FAILED: list[dict[str, Any]] = [*STARTED, {"event": "MIGRATION", "data": {"status": "failed"}}]


@contextmanager
def machine(*, asked: list[dict[str, Any]] | None = None, **answers: list[dict[str, Any]]) -> Iterator[Any]:
    """A machine whose QEMU answers commands so, and others with nothing in particular.

    :param asked: the commands are added to it.
    """
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs, theirs.makefile("rb") as lines:
            for line in lines:
                request = json.loads(line)
                if asked is not None:
                    asked.append(request)
                for answer in answers.get(request["execute"].replace("-", "_"), [{"return": {}}]):
                    theirs.sendall(json.dumps(_addressed(answer, request)).encode() + b"\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    with ours:
        yield SimpleNamespace(monitor=Monitor(ours), log_tail="")
    thread.join()


def _addressed(answer: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    return answer if "event" in answer or "id" not in request else {**answer, "id": request["id"]}
