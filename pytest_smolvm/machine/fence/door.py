"""The guest's port on this host: it opens for this user only."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from pytest_smolvm.machine.fence.attempts import Attempts
from pytest_smolvm.machine.fence.seccomp import HeldCall, Listener
from pytest_smolvm.machine.fence.tracee import Peer, Tracee

_CONNECTIONS = Path("/proc/net/tcp")
_ROOT = 0


class Door:
    """The listening socket that QEMU believes to be its own.

    :param listener: to answer calls with.
    :param attempts: where others' attempts are written down.
    """

    def __init__(self, listener: Listener, attempts: Attempts) -> None:
        self._listener = listener
        self._attempts = attempts
        self._doors: dict[int, socket.socket] = {}

    def listen(self, call: HeldCall, _: Tracee) -> None:
        """Have QEMU listen on a socket that is here as well."""
        door = socket.create_server(("127.0.0.1", 0), backlog=call.arguments[1])
        door.setblocking(False)
        self._listener.put(call, door.fileno(), call.arguments[0])
        self._doors[os.fstat(door.fileno()).st_ino] = door
        self._listener.succeed(call, 0)

    def accept(self, call: HeldCall, tracee: Tracee) -> None:
        """Let in whoever belongs to us."""
        descriptor, address, length, *_ = call.arguments
        door = self._doors.get(tracee.socket_of(descriptor))
        if door is None:
            self._listener.fail(call, errno.EACCES)
            return
        try:
            visitor, (host, port) = door.accept()
        except BlockingIOError as exc:
            self._listener.fail(call, exc.errno)
            return
        with visitor:
            user = owner(port, door.getsockname()[1])
            if user not in (os.geteuid(), _ROOT):
                self._attempts.note("login", f"from user {user}", "the guest is another user's")
                self._listener.fail(call, errno.EAGAIN)
                return
            theirs = self._listener.put(call, visitor.fileno())
        if address:
            tracee.write_peer(Peer.at(host, port), address, length)
        self._listener.succeed(call, theirs)


def owner(port: int, connected_to: int) -> int | None:
    """The user whose socket on this host's loopback has this `port` and is connected to that one; None for none.

    The kernel tells it as it is for the reader.
    """
    ends = f"{_end(port)} {_end(connected_to)} 01"
    with open(_CONNECTIONS, encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if " ".join(fields[1:4]) == ends:
                return int(fields[7])
    return None


def _end(port: int) -> str:
    return f"{int.from_bytes(socket.inet_aton('127.0.0.1'), 'little'):08X}:{port:04X}"
