"""Files with holes: what is in them besides zeroes, for copies that take no more room than they do."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PIECE = 64 * 1024
"""What is copied at once; of a piece that is all zeroes nothing is written."""
ZEROES = bytes(PIECE)

Run = tuple[int, int]
"""Where in a file something begins, and how long it is, in bytes."""


class Source(Protocol):
    """What can be read from its beginning to its end."""

    def read(self, size: int, /) -> bytes:
        """The next `size` bytes, fewer if there are not so many, none at the end."""


@dataclass(frozen=True)
class Content:
    """What is in a file."""

    size: int
    """Bytes, with all zeroes."""
    runs: tuple[Run, ...]
    """What is not all zeroes."""
    digest: str
    """SHA-256 of the runs, one after another."""

    @property
    def amount(self) -> int:
        """Bytes of all runs."""
        return sum(size for _, size in self.runs)


class Runs:
    """Runs of a file, read one after another.

    :param file: its descriptor.
    """

    def __init__(self, file: int, runs: Iterable[Run]) -> None:
        self._pieces = (os.pread(file, *piece[::-1]) for piece in pieces(runs))
        self._left = b""

    def read(self, size: int, /) -> bytes:
        """The next `size` bytes, fewer if there are not so many, none at the end."""
        while len(self._left) < size and (more := next(self._pieces, b"")):
            self._left += more
        found, self._left = self._left[:size], self._left[size:]
        return found


def content(path: Path) -> Content:
    """Look at all of a file.

    :raises OSError: it cannot be read.
    """
    digest, runs = hashlib.sha256(), list[Run]()
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        for offset, data in _written(file.fileno(), size):
            digest.update(data)
            adjacent = runs and sum(runs[-1]) == offset
            start, before = runs.pop() if adjacent else (offset, 0)
            runs.append((start, before + len(data)))
    return Content(size, tuple(runs), digest.hexdigest())


def make(path: Path, what: Content, source: Source) -> None:
    """Make a new file, for its owner only, of what :class:`Runs` has given.

    :raises ValueError: that is not what it was, or ends too early.
    :raises OSError: the file cannot be written.
    """
    digest = hashlib.sha256()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.truncate(what.size)
        for offset, size in pieces(what.runs):
            data = source.read(size)
            if len(data) != size:
                raise ValueError("it ends too early")
            digest.update(data)
            target.seek(offset)
            target.write(data)
    if digest.hexdigest() != what.digest:
        raise ValueError("a checksum does not match")


def pieces(runs: Iterable[Run]) -> Iterator[Run]:
    """The same in parts that are copied at once."""
    for offset, size in runs:
        for start in range(0, size, PIECE):
            yield offset + start, min(PIECE, size - start)


def _written(file: int, size: int) -> Iterator[tuple[int, bytes]]:
    """The pieces of a file that are not all zeroes; holes are not read where the file system says where they are."""
    offset = 0
    while offset < size:
        try:
            offset = os.lseek(file, offset, os.SEEK_DATA) // PIECE * PIECE
        except OSError:  # ENXIO: from here on there is nothing but a hole
            return
        data = os.pread(file, PIECE, offset)
        if data != ZEROES[: len(data)]:
            yield offset, data
        offset += PIECE
