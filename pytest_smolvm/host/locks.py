"""Locks between processes of one host, over filelock (released by the kernel when the holder dies)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import filelock

from pytest_smolvm.errors import TimedOut
from pytest_smolvm.host import owner
from pytest_smolvm.host.waiting import until

_NOTED_SECONDS = 2.0


@contextmanager
def exclusive(
    path: Path,
    on_wait: Callable[[str], None] | None = None,
    timeout: float = -1,
    *,
    while_waiting: Callable[[str], AbstractContextManager[object]] | None = None,
) -> Iterator[None]:
    """Hold the lock file `path`, creating it if need be.

    :param on_wait: called once with the holder's description if somebody else has the lock.
    :param timeout: seconds to wait; negative waits for ever.
    :param while_waiting: likewise; what it returns is entered for as long as the lock is waited for.
    :raises filelock.Timeout: it was not free in time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(os.fspath(path), timeout=timeout)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        _await(lock, path, on_wait, while_waiting)
    try:
        _note_holder(path)
        yield
    finally:
        with contextlib.suppress(OSError):
            _note(path).unlink()
        # The file stays: deleting a lock file that another process has just opened gives two holders.
        lock.release()


def holder(path: Path) -> str:
    """Who holds the lock `path`, as far as is known."""
    return _noted(path) or "another process"


def _await(
    lock: filelock.BaseFileLock,
    path: Path,
    on_wait: Callable[[str], None] | None,
    while_waiting: Callable[[str], AbstractContextManager[object]] | None,
) -> None:
    who = ""
    if on_wait is not None or while_waiting is not None:
        # It has had the lock for a moment only, if it has not noted its name yet.
        with contextlib.suppress(TimedOut):
            until("the holder's name", lambda: _noted(path), timeout=_NOTED_SECONDS)
        who = holder(path)
    if on_wait is not None:
        on_wait(who)
    with while_waiting(who) if while_waiting is not None else contextlib.nullcontext():
        lock.acquire()


def _noted(path: Path) -> str:
    with contextlib.suppress(OSError):
        token = _note(path).read_text(encoding="ascii")
        if owner.alive(token):  # a killed holder's note stays
            return f"process {token.partition('-')[0]}"
    return ""


def _note_holder(path: Path) -> None:
    # Beside the lock, not in it: filelock truncates the lock file whenever somebody opens it.
    with contextlib.suppress(OSError):
        _note(path).write_text(owner.me(), encoding="ascii")


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".holder")
