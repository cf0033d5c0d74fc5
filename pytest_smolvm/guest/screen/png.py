"""PNG files out of QEMU's pictures, with Python's own zlib: what failed tests leave takes no library."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Self

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LEVEL = 1  # three times as fast as 6, and flat pictures are small either way
_CHANNELS = 3


@dataclass(frozen=True)
class Pixels:
    """A picture: rows of red, green and blue, a byte each."""

    width: int
    height: int
    rows: bytes

    @classmethod
    def of_ppm(cls, ppm: bytes) -> Self:
        """What QEMU has written.

        :raises ValueError: it is not a whole picture, as while the guest changes its video mode.
        """
        kind, size, depth, rows = ppm.split(b"\n", 3)
        width, height = map(int, size.split())
        if kind != b"P6" or depth != b"255" or len(rows) != width * height * _CHANNELS or not rows:
            raise ValueError("not a whole picture")
        return cls(width, height, rows)

    @classmethod
    def black(cls, width: int, height: int) -> Self:
        """Nothing."""
        return cls(width, height, bytes(width * height * _CHANNELS))

    def part(self, left: int, top: int, width: int, height: int) -> Pixels:
        """A rectangle of it."""
        stride, begin = self.width * _CHANNELS, left * _CHANNELS
        starts = range(top * stride + begin, (top + height) * stride + begin, stride)
        return Pixels(width, height, b"".join(self.rows[at : at + width * _CHANNELS] for at in starts))

    def changed(self, before: Pixels) -> tuple[int, int, int, int] | None:
        """The smallest rectangle with all that differs from a picture of the same size; None if nothing does."""
        stride = self.width * _CHANNELS
        left, right, top, bottom = stride, 0, -1, -1
        for row in range(self.height):
            mine = self.rows[row * stride : (row + 1) * stride]
            if mine == (others := before.rows[row * stride : (row + 1) * stride]):
                continue
            top, bottom = (row if top < 0 else top), row
            # As numbers: the first bit that differs tells where it begins, the last one where it ends.
            bits = int.from_bytes(mine, "big") ^ int.from_bytes(others, "big")
            left = min(left, stride - (bits.bit_length() + 7) // 8)
            right = max(right, stride - ((bits & -bits).bit_length() - 1) // 8)
        if top < 0:
            return None
        first, last = left // _CHANNELS, -(-right // _CHANNELS)
        return first, top, last - first, bottom - top + 1

    def compressed(self) -> bytes:
        """As the data of a PNG file."""
        stride = self.width * _CHANNELS
        starts = range(0, len(self.rows), stride)
        return zlib.compress(b"".join(b"\0" + self.rows[at : at + stride] for at in starts), _LEVEL)


def header(width: int, height: int) -> bytes:
    """What a PNG file of eight bits a colour begins with."""
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encoded(pixels: Pixels) -> bytes:
    """A PNG file."""
    return header(pixels.width, pixels.height) + chunk(b"IDAT", pixels.compressed()) + chunk(b"IEND", b"")
