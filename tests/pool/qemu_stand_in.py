"""A program in QEMU's place: it answers on the monitor that it is given, and lets in whoever knows the password.

How often somebody came is noted in its directory. On SIGUSR1 it ends all connections.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from tests.guest.link.sshd import HOST_KEY, listening, serving

DONE = {"event": "MIGRATION", "data": {"status": "completed"}}
GREETING = {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 22}}}}


def main() -> None:
    command = " ".join(sys.argv)
    found = re.search(r"-chardev socket,id=(?:qmp|monitor),fd=(\d+)|-chardev socket,fd=(\d+)", command)
    assert found is not None, command
    place = Path(command.rpartition("path=")[2].partition(" ")[0]).parent

    def serve(connection: socket.socket) -> object:
        with open(place / "logins", "a", encoding="ascii") as log:
            log.write("login\n")
        transports.append(serving(key=HOST_KEY)(connection))
        return transports[-1]

    transports: list[Any] = []
    signal.signal(signal.SIGUSR1, lambda *_: [transport.close() for transport in transports])
    with listening(serve) as account, socket.socket(fileno=int(found[1] or found[2])) as monitor:
        say(monitor, GREETING)
        lines = monitor.makefile("r", encoding="utf-8")
        for line in lines:
            request = json.loads(line)
            say(monitor, {"return": answer(request, account.port), "id": request.get("id")})
            if request["execute"] == "migrate-incoming":
                say(monitor, {**DONE, "timestamp": {"seconds": 0, "microseconds": 0}})
            if request["execute"] == "quit":
                return


def answer(request: dict[str, Any], port: int) -> Any:
    """What QEMU returns."""
    if request["execute"] == "human-monitor-command":
        return f"  TCP[HOST_FORWARD]  12  127.0.0.1  {port}  10.0.2.15  22  0  0\r\n"
    return {"status": "running"} if request["execute"] == "query-status" else {}


def say(monitor: socket.socket, message: dict[str, Any]) -> None:
    monitor.sendall(json.dumps(message).encode() + b"\r\n")


if __name__ == "__main__":
    main()
