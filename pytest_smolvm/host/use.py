"""What is in use: the kernel tells of it in every container that shares the store, as long as whoever uses it lives.

Which processes have a file open can be seen of one's own container only.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def held(*files: Path) -> Iterator[None]:
    """Have these files be in use for the length of the block, also by others; those that are not there are left out."""
    home = os.getpid()

    def give_back(file: int) -> None:
        # At once, though a forked child has the same file open; but not when it is that child that closes it.
        if os.getpid() == home:
            fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)

    with ExitStack() as stack:
        for path in files:
            with suppress(OSError):  # it is gone, or its file system knows no locks
                file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                stack.callback(give_back, file)
                fcntl.flock(file, fcntl.LOCK_SH)
        yield


def is_held(path: Path) -> bool:
    """Whether somebody has a file be in use."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False
