"""Waiting for a state of the guest; each time-out tells the last state seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pytest_smolvm.errors import CommandTimedOut, TimedOut
from pytest_smolvm.guest.commands.run import RunResult
from pytest_smolvm.host import waiting

T = TypeVar("T")

_PAUSE = 0.2
_SHOWN = 400


def until_exit(
    what: str, run: Callable[[float], RunResult], wanted: Callable[[int], bool], timeout: float
) -> RunResult:
    """Run a command again and again until its exit code is one that is `wanted`.

    :param run: runs it with a time-out in seconds.
    :raises TimedOut: with the last exit code and output.
    """
    deadline = waiting.Deadline(timeout)

    def attempt() -> tuple[RunResult | None, str]:
        try:
            result = run(deadline.left or 1.0)
        except CommandTimedOut as exc:
            return None, f"it did not end; stdout: {exc.stdout[-_SHOWN:]!r}, stderr: {exc.stderr[-_SHOWN:]!r}"
        seen = f"exit code {result.exit_code}, stdout: {result.stdout[-_SHOWN:]!r}, stderr: {result.stderr[-_SHOWN:]!r}"
        return (result if wanted(result.exit_code) else None), seen

    return until_seen(what, attempt, timeout)


def until_seen(what: str, look: Callable[[], tuple[T | None, str]], timeout: float) -> T:
    """Look again and again until there is a result, and return that.

    :param look: returns the result or None, and in words what it has seen.
    :raises TimedOut: with those words.
    """
    seen = [""]

    def check() -> list[T]:
        result, seen[0] = look()
        return [] if result is None else [result]

    return waiting.until(what, check, timeout=timeout, interval=_PAUSE, last_seen=lambda: seen[0])[0]


def until_true(predicate: Callable[[], T], timeout: float, what: str) -> T:
    """Call `predicate` until it returns something true, and return that.

    :raises TimedOut: with what it returned last.
    """
    seen: list[T] = []

    def check() -> T:
        seen[:] = [predicate()]
        return seen[0]

    try:
        return waiting.until(what, check, timeout=timeout, interval=_PAUSE)
    except TimedOut as exc:
        raise TimedOut(what, timeout, repr(seen[0])[:_SHOWN]) from exc
