"""The only polling loop of the package; everything else waits on events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pytest_smolvm.errors import TimedOut
from pytest_smolvm.host.clock import now, sleep
from pytest_smolvm.host.patience import stretched

T = TypeVar("T")

PATIENCE = stretched(120.0)
"""Seconds that waits for a state of the guest take if nobody says otherwise."""
_PAUSE = 0.2
_SHOWN = 400


@dataclass
class Deadline:
    """A point in time by which something must be done.

    :param seconds: how far away it is when created; None never comes.
    """

    seconds: float | None
    clock: Callable[[], float] = now
    _start: float = field(init=False)

    def __post_init__(self) -> None:
        self._start = self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds since creation."""
        return self.clock() - self._start

    @property
    def left(self) -> float | None:
        """Seconds left, never negative; None if the deadline never comes."""
        return None if self.seconds is None else max(0.0, self.seconds - self.elapsed)

    @property
    def passed(self) -> bool:
        """Whether it has come."""
        return self.left == 0.0

    def at_most(self, seconds: float) -> float:
        """`seconds`, or what is left if that is less."""
        return seconds if self.left is None else min(seconds, self.left)


def until(
    what: str,
    check: Callable[[], T | None],
    *,
    timeout: float,
    interval: float = 0.05,
    last_seen: Callable[[], str] = str,
    clock: Callable[[], float] = now,
    sleep: Callable[[float], None] = sleep,
) -> T:
    """Call `check` every `interval` seconds until it returns something true, and return that.

    :param what: what is awaited, for the error.
    :param timeout: seconds; `check` runs at least once.
    :raises TimedOut: it stayed false; the error carries `last_seen()`.
    """
    deadline = Deadline(timeout, clock)
    while not (result := check()):
        if deadline.passed:
            raise TimedOut(what, timeout, last_seen())
        sleep(deadline.at_most(interval))
    return result


def until_seen(what: str, look: Callable[[], tuple[T | None, str]], timeout: float) -> T:
    """Look again and again until there is a result, and return that.

    :param look: returns the result or None, and in words what it has seen.
    :raises TimedOut: with those words.
    """
    seen = [""]

    def check() -> list[T]:
        result, seen[0] = look()
        return [] if result is None else [result]

    return until(what, check, timeout=timeout, interval=_PAUSE, last_seen=lambda: seen[0])[0]


def until_true(predicate: Callable[[], T], timeout: float, what: str) -> T:
    """Call `predicate` until it returns something true, and return that.

    :raises TimedOut: with what it returned last.
    """
    seen: list[T] = []

    def check() -> T:
        seen[:] = [predicate()]
        return seen[0]

    try:
        return until(what, check, timeout=timeout, interval=_PAUSE)
    except TimedOut as exc:
        raise TimedOut(what, timeout, repr(seen[0])[:_SHOWN]) from exc
