"""Expectations are waited for, and fail the test."""

from __future__ import annotations

from collections.abc import Callable

from pytest_smolvm.errors import DesktopMismatch, TimedOut
from pytest_smolvm.guest.desktop.search import Place, asking
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline, until

EXPECT_SECONDS = stretched(30.0)
"""How long an expectation is waited for if nobody says otherwise."""
_LOOK_SECONDS = 0.1


Met = Callable[[Deadline, list[Region]], tuple[bool, str]]
"""Whether it is so, and what was seen; it puts into the list where all those are that it may be about."""


def waited(place: Place, what: str, met: Met, timeout: float) -> None:
    """Wait until something is so in a window. Where it never is, the screen is kept with all that it may be about.

    :raises DesktopMismatch: it is not, or a program does not answer.
    """
    candidates, seen = list[Region](), [""]
    with place.helper.failures.seen(place.screen, lambda: candidates):
        place.helper.prepare()
        deadline = Deadline(timeout)

        def answered() -> bool:
            with asking(what, timeout, seen):
                right, seen[0] = met(deadline, candidates)
                return right

        try:
            until(what, answered, timeout=timeout, interval=_LOOK_SECONDS, last_seen=lambda: seen[0])
        except TimedOut as exc:
            raise DesktopMismatch(str(exc)) from exc
