"""A token for a process, never reused, that fits into a file name."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from pytest_smolvm.host import proc


def me() -> str:
    """This process: pid, start time and boot, so that a reused pid is never mistaken for its predecessor."""
    return of(os.getpid())


def alive(token: str) -> bool:
    """Whether the process called `token` by :func:`of` still runs."""
    pid, _, _ = token.partition("-")
    try:
        return pid.isdigit() and token == of(int(pid))
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(token: str) -> None:
    """End the process called `token` by :func:`of`, if it still runs; never another one that has its pid by now."""
    if alive(token):
        with suppress(ProcessLookupError):
            os.kill(pid(token), signal.SIGKILL)


def of(pid: int) -> str:
    """A process' token: :func:`me` of another process.

    :raises OSError: it does not run.
    """
    return f"{pid}-{proc.started(pid)}-{_here()}"


def here(token: str) -> bool:
    """Whether that process could be seen from here if it ran: it is not of another container or boot."""
    return token.rpartition("-")[2] == _here()


def pid(token: str) -> int:
    """The number of the process that `token` was made for."""
    return int(token.partition("-")[0])


def _here() -> str:
    return proc.boot() + proc.namespace()
