"""The process that makes guests ahead, as seen from the one whose tests they are for; it runs nursery.py."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pytest_smolvm.host import programs
from pytest_smolvm.pool import messages
from pytest_smolvm.pool.messages import Message

# What is stuck for longer is ended.
_END_SECONDS = 30.0
_PACKAGE = Path(__file__).parents[2]
_RUN_NURSERY = """
import sys
control, path, package, *others = sys.argv[1:]
sys.path[:0] = [package]
sys.path += [place for place in others if place not in sys.path]
from pytest_smolvm.pool.nursery import main
main(int(control), path)
"""

Begin = Callable[[socket.socket], "subprocess.Popen[bytes] | None"]
"""Has somebody serve on a socket, of which it gets a copy; returns the process that does so, if it is one."""


def begin(control: socket.socket) -> subprocess.Popen[bytes]:
    """Start the process. It dies with this one."""
    path = programs.SETTLED.get("PATH", os.environ.get("PATH", ""))
    # -I: neither the user's directory nor his variables. Where else this process would look is looked at last.
    command = [sys.executable, "-I", "-c", _RUN_NURSERY, str(control.fileno()), path, os.fspath(_PACKAGE), *sys.path]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return programs.start(command, pass_fds=[control.fileno()], cwd="/", **quiet)


class Helper:
    """The process, and the conversation with it.

    :param begin: starts it.
    """

    def __init__(self, begin: Begin) -> None:
        self._home = os.getpid()
        self._connection, theirs = messages.pair()
        with theirs:
            self._process = begin(theirs)
        atexit.register(self.close, 0.0)

    @property
    def ours(self) -> bool:
        """Whether it is this process', and not that of one whose forked child this is."""
        return self._home == os.getpid()

    @property
    def alive(self) -> bool:
        """Whether it can be told anything."""
        return self._process is None or self._process.poll() is None

    def tell(self, message: Message) -> None:
        """Say something to it.

        :raises OSError: it has ended.
        """
        messages.send(self._connection, message)

    def hear(self, timeout: float | None) -> tuple[Message, list[int]] | None:
        """What it says next, with files for the caller to close; None if it has ended.

        :raises TimeoutError: it says nothing for so many seconds.
        """
        return messages.receive(self._connection, timeout)

    def close(self, patience: float = _END_SECONDS) -> None:
        """End it, and with it all guests that it has made.

        :param patience: seconds that it has to do so in order.
        """
        atexit.unregister(self.close)
        if self.ours:
            with suppress(OSError):  # it has ended
                self._connection.shutdown(socket.SHUT_WR)  # which it notices though a forked child has a copy
            if self._process is not None:
                try:
                    programs.await_end(self._process, patience)
                finally:  # also when somebody is tired of waiting
                    programs.end(self._process)
            self._connection.close()

    def forget(self) -> None:
        """In a forked child: it is the parent's."""
        self._connection.close()
