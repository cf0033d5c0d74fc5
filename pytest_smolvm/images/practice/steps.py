"""The finished steps of practice builds: each is kept under its key, beside those of other recipes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_smolvm.host import clock
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.host.store import remove

KEPT_SECONDS = 30 * 86400.0
"""How long a step is kept that nobody uses."""
_KINDS = ("tools-", "powershell-", "root-")


class Steps:
    """Finds finished steps under `work`, or makes them in the scratch directory, from where they appear whole.

    :param scratch: a directory on the same file system.
    """

    def __init__(self, work: Path, scratch: Path, progress: Progress) -> None:
        self._work = work
        self._scratch = scratch
        self._progress = progress

    def directory(self, name: str, step: str, make: Callable[[Path], None]) -> Path:
        """The directory `step`, made by `make` if it is not there."""
        if not (self._work / step).exists():
            (self._scratch / step).mkdir()
        return self.file(name, step, make)

    def file(self, name: str, step: str, make: Callable[[Path], None]) -> Path:
        """The file `step`, made by `make` if it is not there."""
        result = self._work / step
        if result.exists():
            self._progress.note(f"{name}: as before")
            note_use(result)
            return result
        with phase(self._progress, name):
            make(self._scratch / step)
            (self._scratch / step).rename(result)
        return result


@contextmanager
def in_use(*steps: Path) -> Iterator[None]:
    """Nobody removes these finished steps during the block.

    :raises FileNotFoundError: one of them is not there.
    """
    held: list[int] = []
    try:
        for step in steps:
            held.append(os.open(step, os.O_RDONLY | os.O_CLOEXEC))
            fcntl.flock(held[-1], fcntl.LOCK_SH)  # whoever was removing it has gone on
            step.stat()
            note_use(step)
        yield
    finally:
        for file in held:
            os.close(file)


def note_use(step: Path) -> None:
    """Note that a finished step is used, if it is there: many file systems are mounted such that they do not."""
    with suppress(OSError):
        os.utime(step)


def remove_old(work: Path) -> None:
    """Remove finished steps that nobody has used for long."""
    for step in work.iterdir():
        if step.name.startswith(_KINDS) and step.suffix != ".log":
            with suppress(FileNotFoundError):  # somebody else does so
                if clock.utc() - step.stat().st_mtime > KEPT_SECONDS:
                    remove_unused(step)


def remove_unused(step: Path) -> None:
    """Remove what is in `work`, unless somebody uses it.

    :raises FileNotFoundError: it is not there.
    """
    if step.is_symlink():
        step.unlink()
        return
    file = os.open(step, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove(step)
    except BlockingIOError:
        pass
    finally:
        os.close(file)
