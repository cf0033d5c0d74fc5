"""Waiting for a command to end in a certain way."""

from __future__ import annotations

from collections.abc import Callable

from pytest_smolvm.errors import CommandTimedOut
from pytest_smolvm.guest.commands.run import RunResult
from pytest_smolvm.host.waiting import Deadline, until_seen

_SHOWN = 400


def until_exit(
    what: str, run: Callable[[float], RunResult], wanted: Callable[[int], bool], timeout: float
) -> RunResult:
    """Run a command again and again until its exit code is one that is `wanted`.

    :param run: runs it with a time-out in seconds.
    :raises TimedOut: with the last exit code and output.
    """
    deadline = Deadline(timeout)

    def attempt() -> tuple[RunResult | None, str]:
        try:
            result = run(deadline.left or 1.0)
        except CommandTimedOut as exc:
            return None, f"it did not end; stdout: {exc.stdout[-_SHOWN:]!r}, stderr: {exc.stderr[-_SHOWN:]!r}"
        seen = f"exit code {result.exit_code}, stdout: {result.stdout[-_SHOWN:]!r}, stderr: {result.stderr[-_SHOWN:]!r}"
        return (result if wanted(result.exit_code) else None), seen

    return until_seen(what, attempt, timeout)
