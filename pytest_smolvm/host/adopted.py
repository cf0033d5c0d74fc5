"""Programs that another process of ours has started, used like a child."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from typing import Protocol

from pytest_smolvm.host import proc

_NOBODY_KNOWS = 255


class Child(Protocol):
    """A process that somebody of ours waits for: what a subprocess.Popen and an `Adopted` have in common."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> int | None:
        """How it has ended, as subprocess says it; None if that is not known yet."""

    def poll(self) -> int | None:
        """The same, looked at now."""

    def kill(self) -> None:
        """End it at once."""


class Adopted:
    """A process whose parent is another process of ours, which does not wait for it as long as this object is used.

    :param pid: its number, which nobody else has until its parent has waited for it.
    :raises OSError: there is none.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._process = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """How it has ended; None while it runs."""
        if self.returncode is None and self._process >= 0:
            ended = select.poll()
            ended.register(self._process, select.POLLIN)
            if ended.poll(0):
                self.returncode = self._exit_code()
        return self.returncode

    def kill(self) -> None:
        """End it at once, unless it has ended."""
        if self._process >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def close(self) -> None:
        """Forget it. What is known of it stays."""
        self.poll()
        process, self._process = self._process, -1
        if process >= 0:
            os.close(process)

    def _exit_code(self) -> int:
        try:
            return proc.exit_code(self.pid)
        except OSError:  # its parent has ended, too
            return _NOBODY_KNOWS
