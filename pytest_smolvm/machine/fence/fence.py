"""Puts a QEMU behind a fence, watched from outside by a process of ours."""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import HostError
from pytest_smolvm.host import programs
from pytest_smolvm.machine.fence.seccomp import CALLS, door_only, program
from pytest_smolvm.machine.network import HOST, OPEN, Network

REFUSED = "no fence can be put around QEMU here"
"""How start.py begins to say that this kernel, or a sandbox around us, does not let it."""
_HERE = Path(__file__).parent
_PACKAGE = _HERE.parents[2]
# -I: neither the user's directory nor variables; -S: none of the installed packages, of which it needs none.
_PYTHON = (sys.executable, "-I", "-S")
_RUN_GUARD = """
import sys
sys.path.insert(0, sys.argv[1])
from pytest_smolvm.machine.fence.guard import main
main(int(sys.argv[2]))
"""


@dataclass(frozen=True)
class Fence:
    """What to do to start a program behind it."""

    words: tuple[str, ...] = ()
    """They come before the program's own."""
    descriptors: tuple[int, ...] = ()
    """They are passed on to it."""


class _Guard:
    """The watching process, and the socket on which it is told of guests."""

    def __init__(self) -> None:
        self._home = os.getpid()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [*_PYTHON, "-c", _RUN_GUARD, os.fspath(_PACKAGE), str(theirs.fileno())]
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self.process = programs.start(command, pass_fds=[theirs.fileno()], **quiet)
        atexit.register(self._close)

    def announce(self, network: Network, log: Path, handover: socket.socket) -> None:
        """Tell of a guest that comes to be."""
        wanted = {"network": network.wanted, "log": os.fspath(log)}
        socket.send_fds(self._control, [json.dumps(wanted).encode()], [handover.fileno()])

    def _close(self) -> None:
        if self._home == os.getpid():
            programs.end(self.process)


class _Guards:
    """The guard of each process: a fork's child needs its own, as the parent's ends with the parent."""

    def __init__(self) -> None:
        self._guards: dict[int, _Guard] = {}
        self._forget_holders()
        os.register_at_fork(after_in_child=self._forget_holders)

    def one(self) -> _Guard:
        """This process's, begun when the first guest needs it."""
        with self._lock:
            guard = self._guards.get(os.getpid())
            if guard is None or guard.process.poll() is not None:
                guard = self._guards[os.getpid()] = _Guard()
            return guard

    def _forget_holders(self) -> None:
        self._lock = threading.Lock()


GUARDS = _Guards()


def begin_to_watch() -> None:
    """Have the watching process begun by this thread, which is its parent, rather than by one that ends sooner."""
    if os.uname().machine in CALLS:
        GUARDS.one()


@contextmanager
def fenced(network: Network, log: Path, trusted: Collection[int] = ()) -> Iterator[Fence]:
    """How to start a QEMU that reaches what `network` allows and nothing else, and lets in this user and root only.

    With ``host`` it reaches everything, and others are let in where the kernel cannot have them held.

    :param log: where it is written down what the guest tried to reach, and who tried to log in.
    :param trusted: descriptors of QEMU's that lead to us: messages on them are not looked at.
    :raises HostError: for this kind of processor there is no fence.
    """
    calls, needed = CALLS.get(os.uname().machine), network.mode != HOST
    if calls is None:
        if needed:
            raise HostError(f"network={network.wanted!r} cannot be kept on {os.uname().machine}; network='host' can")
        yield Fence()
        return
    guard = GUARDS.one()
    inner, outer = socket.socketpair()
    with inner:
        with outer:
            guard.announce(network, log, outer)
        passing = {inner.fileno(), *trusted}
        held = program(calls, receiving=network.mode != OPEN, trusted=passing) if needed else door_only(calls)
        numbers = (calls.prctl, calls.seccomp, held.hex(), guard.process.pid, inner.fileno(), int(needed))
        yield Fence((*_PYTHON, os.fspath(_HERE / "start.py"), *map(str, numbers)), (inner.fileno(),))
