"""Who on this host something belongs to, in a word that fits into a file name and outlives nobody."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import cache
from pathlib import Path


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
            os.kill(int(token.partition("-")[0]), signal.SIGKILL)


def of(pid: int) -> str:
    """A process' name for good: :func:`me` of another process.

    :raises OSError: it does not run.
    """
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    # Field 22 is the start time; the second, the program's name, may contain spaces and parentheses (proc(5)).
    state, started = (stat.rpartition(")")[2].split()[index] for index in (0, 19))
    if state in "ZX":
        raise ProcessLookupError(pid)  # dead, only not reaped
    return f"{pid}-{started}-{boot()}"


@cache
def boot() -> str:
    """This run of the host, from power-on to power-off."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
