"""Keys and values of a registry hive, read from its bytes.

Layout after "Windows registry file format specification" (Maxim Suhanov); values of more than 16 KB are not read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pytest_smolvm.errors import ImageError

_BINS = 4096  # cells are counted from the first bin, behind the header
_NONE = 0xFFFFFFFF
_INLINE = 0x8000_0000
_KEY_PLAIN, _VALUE_PLAIN = 0x20, 1  # names in one byte a character


class Hive:
    """One hive.

    :param content: the file.
    :raises ImageError: it is none.
    """

    def __init__(self, content: bytes) -> None:
        if content[:4] != b"regf" or len(content) < _BINS:
            raise ImageError("a registry hive of the system is damaged")
        self._content = content
        self._root = struct.unpack_from("<I", content, 36)[0]

    def keys(self, path: str) -> list[str]:
        """Names of the keys below one; nothing if there is none."""
        place = self._find(path)
        return [] if place is None else [name for name, _ in self._children(place)]

    def value(self, path: str, name: str = "") -> tuple[int, bytes] | None:
        """Type and data of a value; None if there is none."""
        place = self._find(path)
        if place is None:
            return None
        return next(
            ((kind, data) for called, kind, data in self._values(place) if called.lower() == name.lower()), None
        )

    def text(self, path: str, name: str) -> str:
        """A value of text; "" if there is none."""
        found = self.value(path, name)
        return found[1].decode("utf-16-le", "replace").rstrip("\0") if found else ""

    def _find(self, path: str) -> int | None:
        place: int | None = self._root
        for part in filter(None, path.split("\\")):
            if place is None:
                return None
            place = next((found for name, found in self._children(place) if name.lower() == part.lower()), None)
        return place

    def _cell(self, place: int) -> bytes:
        at = _BINS + place
        size = -struct.unpack_from("<i", self._content, at)[0] if at + 4 <= len(self._content) else 0
        if size < 4 or at + size > len(self._content):
            raise ImageError("a registry hive of the system is damaged: it points outside itself")
        return self._content[at + 4 : at + size]

    def _children(self, place: int) -> Iterator[tuple[str, int]]:
        key = self._cell(place)
        count, listed = struct.unpack_from("<I", key, 20)[0], struct.unpack_from("<I", key, 28)[0]
        for child in self._listed(listed) if count and listed != _NONE else ():
            cell = self._cell(child)
            length = struct.unpack_from("<H", cell, 72)[0]
            plain = struct.unpack_from("<H", cell, 2)[0] & _KEY_PLAIN
            yield cell[76 : 76 + length].decode("latin-1" if plain else "utf-16-le", "replace"), child

    def _listed(self, place: int) -> Iterator[int]:
        cell = self._cell(place)
        kind, count = struct.unpack_from("<2sH", cell)
        step = 8 if kind in (b"lf", b"lh") else 4
        for number in range(count):
            entry = struct.unpack_from("<I", cell, 4 + step * number)[0]
            if kind == b"ri":
                yield from self._listed(entry)
            else:
                yield entry

    def _values(self, place: int) -> Iterator[tuple[str, int, bytes]]:
        key = self._cell(place)
        count, listed = struct.unpack_from("<II", key, 36)
        places = self._cell(listed) if count and listed != _NONE else b""
        for number in range(count):
            cell = self._cell(struct.unpack_from("<I", places, 4 * number)[0])
            length, size, data, kind, flags = struct.unpack_from("<HIIIH", cell, 2)
            name = cell[20 : 20 + length].decode("latin-1" if flags & _VALUE_PLAIN else "utf-16-le", "replace")
            if size & _INLINE:
                yield name, kind, cell[8 : 8 + min(4, size - _INLINE)]
            else:
                yield name, kind, self._cell(data)[:size] if size else b""
