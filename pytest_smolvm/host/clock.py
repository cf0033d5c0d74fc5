"""The kernel's clocks: tests stop and turn Python's (``time.time``, ``time.monotonic``, ``time.sleep``), and go on."""

from __future__ import annotations

import threading
from time import CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime


def now() -> float:
    """Seconds since a moment of the kernel's, which nobody can set."""
    return clock_gettime(CLOCK_MONOTONIC)


def utc() -> float:
    """Seconds since 1970, for what others compare with their own clocks; never for a wait, since it can be set."""
    return clock_gettime(CLOCK_REALTIME)


def sleep(seconds: float) -> None:
    """Do nothing for so many seconds."""
    threading.Event().wait(seconds)
