"""Locks between processes of one host, over filelock (released by the kernel when the holder dies)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import filelock


@contextmanager
def exclusive(
    path: Path,
    on_wait: Callable[[str], None] | None = None,
    timeout: float = -1,
    *,
    while_waiting: Callable[[str], AbstractContextManager[object]] = contextlib.nullcontext,
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
        if on_wait is not None:
            on_wait(holder(path))
        with while_waiting(holder(path)):
            lock.acquire()
    try:
        _note_holder(path)
        yield
    finally:
        # The file stays: deleting a lock file that another process has just opened gives two holders.
        lock.release()


def holder(path: Path) -> str:
    """Who holds the lock `path`, as far as its note tells."""
    with contextlib.suppress(OSError):
        return _note(path).read_text(encoding="utf-8") or "another process"
    return "another process"


def _note_holder(path: Path) -> None:
    # Beside the lock, not in it: filelock truncates the lock file whenever somebody opens it.
    with contextlib.suppress(OSError):
        _note(path).write_text(f"process {os.getpid()}", encoding="utf-8")


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".holder")
