"""Another process' memory: which of its pages are its own, and what is in them (proc(5))."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import HostError
from pytest_smolvm.host.sparse import ZEROES, Run, pieces

PAGE = os.sysconf("SC_PAGE_SIZE")
"""Bytes of a page."""
# The highest byte of a page's entry says where it is (Documentation/admin-guide/mm/pagemap.rst): in RAM, in swap, and
# whether it is a file's. A page of a file that is mapped privately is no longer the file's once it was written to.
_IN_RAM, _IN_SWAP, _OF_A_FILE = 0x80, 0x40, 0x20
_OWN = bytes(bool(flags & (_IN_RAM | _IN_SWAP)) and not flags & _OF_A_FILE for flags in range(256))
_ENTRY = 8


@dataclass(frozen=True)
class Area:
    """A part of a process' memory. Each method raises what follows.

    :raises ProcessLookupError: the process has ended.
    :raises HostError: it may not be looked into.
    """

    process: int
    start: int
    """Its address there, a page's."""
    size: int
    """Bytes, rounded up to whole pages."""

    def own_pages(self) -> list[Run]:
        """The pages that are the process' alone: of memory that is no file's, and those written of one that is."""
        with self._opened("pagemap", os.O_RDONLY) as table:
            entries = _read(table, self.start // PAGE * _ENTRY, self.size // PAGE * _ENTRY)
        own = entries[_ENTRY - 1 :: _ENTRY].translate(_OWN)
        return [(found.start() * PAGE, len(found[0]) * PAGE) for found in re.finditer(rb"\x01+", own)]

    def save(self, runs: Iterable[Run], path: Path) -> None:
        """Copy pages into a new file, each at its place; the rest of the file are holes.

        :raises OSError: it cannot be written.
        """
        with open(path, "xb", buffering=0) as target, self._opened("mem", os.O_RDONLY) as memory:
            target.truncate(self.size)
            for offset, size in pieces(runs):
                data = _read(memory, self.start + offset, size)
                if data != ZEROES[:size]:
                    _write(target.fileno(), offset, data)

    def fill(self, runs: Iterable[Run], path: Path) -> None:
        """Copy pages from a file that :meth:`save` has written to their places.

        :raises OSError: it cannot be read.
        """
        with open(path, "rb", buffering=0) as source, self._opened("mem", os.O_WRONLY) as memory:
            for offset, size in pieces(runs):
                _write(memory, self.start + offset, _read(source.fileno(), offset, size))

    @contextmanager
    def _opened(self, name: str, flags: int) -> Iterator[int]:
        try:
            file = os.open(f"/proc/{self.process}/{name}", flags | os.O_CLOEXEC)
        except FileNotFoundError:
            raise _gone() from None
        except PermissionError as exc:  # as where Yama lets nobody, or a container's rules
            raise HostError(f"QEMU's memory cannot be looked into here, so there are no snapshots: {exc}") from exc
        try:
            yield file
        finally:
            os.close(file)


def _read(file: int, offset: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.pread(file, size - len(data), offset + len(data))
        if not more:  # of memory that is there no longer
            raise _gone()
        data += more
    return data


def _write(file: int, offset: int, data: bytes) -> None:
    """All of it: a file system that becomes full takes a part of it at first."""
    done = 0
    while done < len(data):
        more = os.pwrite(file, data[done:], offset + done)
        if not more:
            raise _gone()
        done += more


def _gone() -> ProcessLookupError:
    return ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
