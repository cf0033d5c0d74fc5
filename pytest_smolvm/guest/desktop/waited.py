"""Expectations are waited for, and fail the test."""

from __future__ import annotations

from collections.abc import Callable

from pytest_smolvm.errors import DesktopMismatch, TimedOut
from pytest_smolvm.guest.desktop.search import asking
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import until

EXPECT_SECONDS = stretched(30.0)
"""How long an expectation is waited for if nobody says otherwise."""
_LOOK_SECONDS = 0.1


def waited(what: str, met: Callable[[], bool], timeout: float, seen: list[str]) -> None:
    """Wait until something is so.

    :param seen: what was seen last, once something was.
    :raises DesktopMismatch: it is not, or a program does not answer.
    """

    def answered() -> bool:
        with asking(what, timeout, seen):
            return met()

    try:
        until(what, answered, timeout=timeout, interval=_LOOK_SECONDS, last_seen=lambda: seen[0])
    except TimedOut as exc:
        raise _mismatch(exc) from exc


def _mismatch(late: TimedOut) -> DesktopMismatch:
    return DesktopMismatch(str(late))
