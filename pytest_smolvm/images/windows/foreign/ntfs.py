"""Files of an NTFS volume, read from a disk without mounting it; as much as it takes to see what system is there.

Layout after the documentation of the Linux-NTFS project. Compressed and encrypted files are not read; the registry's
are neither.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pytest_smolvm.errors import ImageError

_ATTRIBUTE_LIST, _VOLUME_INFORMATION, _DATA, _INDEX_ROOT, _INDEX_ALLOCATION = 0x20, 0x70, 0x80, 0x90, 0xA0
_END = 0xFFFFFFFF
_MFT, _VOLUME, _ROOT = 0, 3, 5
_DIRTY = 1
_STRIDE = 512  # what an update sequence protects, whatever the sector's size
_RECORD = 0x0000_FFFF_FFFF_FFFF  # a reference's lower 48 bits; above them is how often the record was used


@dataclass(frozen=True)
class _Attribute:
    kind: int
    name: str
    first: int
    """The first cluster of the attribute that these runs hold, counted within it."""
    content: bytes | None
    """If it is in the record itself."""
    runs: tuple[tuple[int | None, int], ...]
    """Clusters: where, None for a hole, and how many."""
    size: int


class Volume:
    """One NTFS volume.

    :param disk: the open disk.
    :param start: where in it the volume begins, in bytes.
    :raises ImageError: there is none, or it is damaged.
    """

    def __init__(self, disk: BinaryIO, start: int) -> None:
        self._disk, self._start = disk, start
        boot = self._at(0, 512)
        if boot[3:11] != b"NTFS    ":
            raise ImageError("there is no NTFS")
        sector, per_cluster = struct.unpack_from("<HB", boot, 11)
        self._cluster = sector * (per_cluster if per_cluster < 128 else 1 << (256 - per_cluster))
        place, record = struct.unpack_from("<Q", boot, 48)[0], struct.unpack_from("<b", boot, 64)[0]
        self._record_size = record * self._cluster if record > 0 else 1 << -record
        self._mft: list[_Attribute] = []
        self._mft = self._pick(self._parse(self._at(place * self._cluster, self._record_size)), _DATA, "")

    @property
    def dirty(self) -> bool:
        """Whether Windows will check the volume when it starts next: it was not shut down."""
        (found,) = self._attributes(_VOLUME, _VOLUME_INFORMATION, "") or (None,)
        return found is not None and bool(struct.unpack_from("<H", found.content or bytes(12), 10)[0] & _DIRTY)

    def has(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return self._find(path) is not None

    def read(self, path: str, size: int | None = None) -> bytes | None:
        """The content of a file, or its first `size` bytes; None if there is none.

        :param path: ``Windows/System32/config/SAM``, in any case.
        :raises ImageError: it is compressed, encrypted, or the volume is damaged.
        """
        record = self._find(path)
        parts = self._attributes(record, _DATA, "") if record is not None else []
        return self._content(parts, size) if parts else None

    def _find(self, path: str) -> int | None:
        record: int | None = _ROOT
        for part in filter(None, path.split("/")):
            if record is None:
                return None
            record = next((found for name, found in self._entries(record) if name.lower() == part.lower()), None)
        return record

    def _entries(self, record: int) -> Iterator[tuple[str, int]]:
        root = self._attributes(record, _INDEX_ROOT, "$I30")
        if not root:
            return  # no folder
        yield from _index(self._content(root)[16:])
        block = struct.unpack_from("<I", self._content(root), 8)[0]
        rest = self._attributes(record, _INDEX_ALLOCATION, "$I30")
        content = self._content(rest) if rest else b""
        for at in range(0, len(content), block):
            if content[at : at + 4] == b"INDX":
                yield from _index(_mended(content[at : at + block])[24:])

    def _attributes(self, record: int, kind: int, name: str) -> list[_Attribute]:
        raw = self._content(self._mft, self._record_size, record * self._record_size)
        every = self._parse(raw)
        listed = self._pick(every, _ATTRIBUTE_LIST, "")
        if listed:
            others = {number for number in _listed(self._content(listed)) if number != record}
            for number in sorted(others):
                every += self._parse(self._content(self._mft, self._record_size, number * self._record_size))
        return self._pick(every, kind, name)

    @staticmethod
    def _pick(every: list[_Attribute], kind: int, name: str) -> list[_Attribute]:
        return sorted((one for one in every if (one.kind, one.name) == (kind, name)), key=lambda one: one.first)

    def _parse(self, raw: bytes) -> list[_Attribute]:
        if raw[:4] != b"FILE":
            raise ImageError("the volume is damaged: a record of its file table is not one")
        record = _mended(raw)
        found, at = [], struct.unpack_from("<H", record, 20)[0]
        while at + 16 <= len(record) and (kind := struct.unpack_from("<I", record, at)[0]) != _END:
            length = struct.unpack_from("<I", record, at + 4)[0]
            if length < 16:
                raise ImageError("the volume is damaged: an attribute of a file has no length")
            found.append(_attribute(kind, record[at : at + length]))
            at += length
        return found

    def _content(self, parts: list[_Attribute], size: int | None = None, offset: int = 0) -> bytes:
        if parts[0].content is not None:
            return parts[0].content[offset : None if size is None else offset + size]
        left = parts[0].size - offset if size is None else min(size, parts[0].size - offset)
        found, at = [], offset
        for where, count in (run for part in parts for run in part.runs):
            length = count * self._cluster
            if left > 0 and at < length:
                wanted = min(left, length - at)
                found.append(bytes(wanted) if where is None else self._at(where * self._cluster + at, wanted))
                left -= wanted
            at = max(0, at - length)
        return b"".join(found)

    def _at(self, offset: int, size: int) -> bytes:
        self._disk.seek(self._start + offset)
        return self._disk.read(size).ljust(size, b"\0")


def _mended(record: bytes) -> bytes:
    """A record with the last two bytes of each sector put back: a number is in their place, against torn writes."""
    at, count = struct.unpack_from("<HH", record, 4)
    whole = bytearray(record)
    for number in range(1, count):
        end = number * _STRIDE
        whole[end - 2 : end] = record[at + 2 * number : at + 2 * number + 2]
    return bytes(whole)


def _attribute(kind: int, raw: bytes) -> _Attribute:
    absent, length, place, flags = struct.unpack_from("<BBHH", raw, 8)
    name = raw[place : place + 2 * length].decode("utf-16-le", "replace")
    if not absent:
        size, at = struct.unpack_from("<IH", raw, 16)
        return _Attribute(kind, name, 0, raw[at : at + size], (), size)
    if flags & 0x4001 and kind == _DATA:
        raise ImageError("a file of the system is compressed or encrypted, where it never is")
    first, _, at = struct.unpack_from("<QQH", raw, 16)
    return _Attribute(kind, name, first, None, tuple(_runs(raw[at:])), struct.unpack_from("<Q", raw, 48)[0])


def _runs(raw: bytes) -> Iterator[tuple[int | None, int]]:
    at, where = 0, 0
    while at < len(raw) and raw[at]:
        length, offset = raw[at] & 15, raw[at] >> 4
        count = int.from_bytes(raw[at + 1 : at + 1 + length], "little")
        step = raw[at + 1 + length : at + 1 + length + offset]
        where += int.from_bytes(step, "little", signed=True)
        yield (where if offset else None), count
        at += 1 + length + offset


def _listed(raw: bytes) -> Iterator[int]:
    at = 0
    while at + 24 <= len(raw) and (length := struct.unpack_from("<H", raw, at + 4)[0]):
        yield struct.unpack_from("<Q", raw, at + 16)[0] & _RECORD
        at += length


def _index(raw: bytes) -> Iterator[tuple[str, int]]:
    """Names and records in a node of a folder's index."""
    at, end = struct.unpack_from("<II", raw, 0)
    while at + 16 <= min(end, len(raw)):
        record, length, key, flags = struct.unpack_from("<QHHH", raw, at)
        if flags & 2 or not length:
            return
        if key >= 66:
            yield raw[at + 82 : at + 82 + 2 * raw[at + 80]].decode("utf-16-le", "replace"), record & _RECORD
        at += length
