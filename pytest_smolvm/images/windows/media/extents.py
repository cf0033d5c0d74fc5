"""A file of a disc image as a stream: the pieces of the image that hold it, one after the other."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import IO, Any

SECTOR = 2048

Piece = tuple[int, int]
"""Where it begins in the image, and how many bytes it has."""


def of_udf(iso: Any, record: Any) -> tuple[list[Piece], int]:
    """The pieces and the length of a file in UDF.

    pycdlib's own stream takes the length of whichever file system it met first: where ISO 9660 names the same file,
    that is a number of 32 bits, too short for an install.wim of more than 4 GiB.

    :param iso: pycdlib's view of the disc.
    :param record: pycdlib's entry of the file.
    """
    start = iso.udf_main_descs.partitions[0].part_start_location
    pieces = [((start + part.log_block_num) * SECTOR + part.offset, part.extent_length) for part in record.alloc_descs]
    return pieces, int(record.info_len)


def of_iso(record: Any) -> tuple[list[Piece], int]:
    """The pieces and the length of a file in ISO 9660 or Joliet.

    One of more than 4 GiB has several records there, each with a piece (ECMA-119, 9.1.6); pycdlib keeps them, but
    shows one.

    :param record: any of pycdlib's records of the file.
    """
    first, *others = [other for other in record.parent.children if other.file_ident == record.file_ident]
    # pycdlib puts each further record right behind the first one, before those that it already has.
    records = [first, *reversed(others)]
    pieces = [(part.extent_location() * SECTOR, part.get_data_length()) for part in records]
    return pieces, sum(length for _, length in pieces)


class Extents(io.RawIOBase):
    """The stream; a piece that the image does not have reads as the end of the file.

    :param image: the open image, whose position is not relied on.
    :param pieces: where the file is.
    :param length: bytes of it; the last piece may be longer.
    """

    def __init__(self, image: IO[bytes], pieces: Sequence[Piece], length: int) -> None:
        self._image, self._pieces, self._length = image, pieces, length
        self._at = 0

    def readable(self) -> bool:
        """Always: there is no other use of it."""
        return True

    def seekable(self) -> bool:
        """Always: every piece has its place in the image."""
        return True

    def tell(self) -> int:
        """The position in the file, in bytes from its beginning."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position, which may lie behind the end, and return it."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes from the position on, or all that are left if it is negative."""
        left = max(0, self._length - self._at)
        content = self._read(left if size < 0 else min(size, left))
        self._at += len(content)
        return content

    def _read(self, size: int) -> bytes:
        found, at = [], self._at
        for start, length in self._pieces:
            wanted = min(size, max(0, length - at))
            self._image.seek(start + at)
            found.append(self._image.read(wanted))
            if len(found[-1]) < wanted:
                break  # the image is cut off
            size -= wanted
            at = max(0, at - length)
        return b"".join(found)
