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
_FOR_EVER = 10.0**9

WhileWaiting = Callable[[str], AbstractContextManager[object]]
"""Given the holder's description; what it returns is entered for as long as a lock is waited for."""


class LockBusy(Exception):
    """Somebody else has the lock.

    :param holder: who, as far as is known.
    """

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def exclusive(
    path: Path, timeout: float = -1, *, while_waiting: WhileWaiting | None = None, told: bool = True
) -> Iterator[None]:
    """Hold the lock file `path`, creating it if need be.

    :param timeout: seconds to wait; negative waits for ever.
    :param while_waiting: how a wait is told.
    :param told: whether others are to know who holds it; for what is held a moment that is half of the work.
    :raises LockBusy: it was not free in time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(os.fspath(path))
    if not _acquired(lock, path):
        _await(lock, path, timeout, while_waiting)
    try:
        if told:
            _note_holder(path)
        yield
    finally:
        if told:
            with contextlib.suppress(OSError):
                _note(path).unlink()
        # The file stays: deleting a lock file that another process has just opened gives two holders.
        lock.release()


def holder(path: Path) -> str:
    """Who holds the lock `path`, as far as is known."""
    return _noted(path) or "another process"


def _acquired(lock: filelock.BaseFileLock, path: Path) -> bool:
    while True:
        before = _inode(path)
        # The waits are ours: filelock's never end, not even those of no seconds, while a test has stopped the clock.
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            return False
        # filelock 3.20.4 to 3.29.4 removes the file when it gives a lock back, and other environments may have those: a
        # lock on a file that is gone is nobody's. They do so while they still have the lock, so that nobody removes
        # the one that is there now but who has it.
        if _inode(path) == before:
            return True
        lock.release()


def _inode(path: Path) -> int:
    """The number of a file, which is made if there is none."""
    file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        return os.fstat(file).st_ino
    finally:
        os.close(file)


def _await(lock: filelock.BaseFileLock, path: Path, timeout: float, while_waiting: WhileWaiting | None) -> None:
    waiting: AbstractContextManager[object] = contextlib.nullcontext()
    if while_waiting is not None:
        # It has had the lock for a moment only, if it has not noted its name yet.
        with contextlib.suppress(TimedOut):
            until("the holder's name", lambda: _noted(path), timeout=_NOTED_SECONDS)
        waiting = while_waiting(holder(path))
    try:
        with waiting:
            until("a lock", lambda: _acquired(lock, path), timeout=timeout if timeout >= 0 else _FOR_EVER)
    except TimedOut as exc:
        raise LockBusy(holder(path)) from exc


def _noted(path: Path) -> str:
    with contextlib.suppress(OSError):
        token = _note(path).read_text(encoding="ascii")
        if owner.alive(token):  # a killed holder's note stays
            return f"process {owner.pid(token)}"
    return ""


def _note_holder(path: Path) -> None:
    # Beside the lock, not in it: filelock truncates the lock file whenever somebody opens it.
    with contextlib.suppress(OSError):
        _note(path).write_text(owner.me(), encoding="ascii")


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".holder")
