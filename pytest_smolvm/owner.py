"""Who on this host something belongs to, in a word that fits into a file name and outlives nobody."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


def me() -> str:
    """This process: pid, start time and boot, so that a reused pid is never mistaken for its predecessor."""
    return _token(os.getpid())


def alive(token: str) -> bool:
    """Whether the process called `token` by :func:`me` still runs."""
    pid, _, _ = token.partition("-")
    try:
        return pid.isdigit() and token == _token(int(pid))
    except (FileNotFoundError, ProcessLookupError):
        return False


def _token(pid: int) -> str:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    # Field 22 is the start time; the second, the program's name, may contain spaces and parentheses (proc(5)).
    state, started = (stat.rpartition(")")[2].split()[index] for index in (0, 19))
    if state in "ZX":
        raise ProcessLookupError(pid)  # dead, only not reaped
    return f"{pid}-{started}-{_boot()}"


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
