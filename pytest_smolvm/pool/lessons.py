"""What failed in one process and would fail in others: told by a record beside the lock that all of them wait for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import SmolVMError, Unrestorable
from pytest_smolvm.host import records
from pytest_smolvm.pool.failures import LASTING, lasts

_KINDS: dict[str, type[SmolVMError]] = {kind.__name__: kind for kind in (*LASTING, Unrestorable)}
Lesson = dict[str, Any]


def last(lock: Path) -> Lesson | None:
    """What failed last under a lock, if anything did and was told."""
    return records.read(_record(lock))


def check(lock: Path, before: Lesson | None, run: str = "") -> None:
    """Raise what failed under a lock in another process, if this one would only fail in the same way.

    :param before: what :func:`last` said before the lock was waited for.
    :param run: the test run that this process is a part of; what failed earlier in the same run counts, too.
    :raises SmolVMError: what the other one met.
    """
    lesson = last(lock)
    if lesson is None or (lesson == before and not (run and lesson.get("run") == run)):
        return
    if lesson.get("error") in _KINDS:
        error = _KINDS[lesson["error"]](*lesson["args"])
        error.add_note("Another process has found this out just before, and it was not tried again.")
        raise error


@contextmanager
def told(lock: Path, run: str = "") -> Iterator[None]:
    """What fails in the block for a reason that lasts is told to those who wait for the lock, and to all of `run`."""
    try:
        yield
    except LASTING as exc:
        if lasts(exc):
            with suppress(OSError, TypeError):  # then they find out by themselves
                kind = next(each.__name__ for each in type(exc).__mro__ if each.__name__ in _KINDS)
                lesson = {"attempt": uuid.uuid4().hex, "run": run, "error": kind, "args": exc.args}
                records.write(_record(lock), lesson, mode=0o600)
        raise


def _record(lock: Path) -> Path:
    return lock.with_suffix(".failure.json")
