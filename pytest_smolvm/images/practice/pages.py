"""Windows programs whose sections begin at pages of their file, so that wine maps them instead of reading them."""

from __future__ import annotations

import struct
from typing import NamedTuple

_PAGE = 4096
# Offsets in the "PE Format" specification's headers; the optional header of 64-bit programs follows the COFF header at
# once.
_OPTIONAL = 24
_FILE_ALIGNMENT = _OPTIONAL + 36
_HEADERS_SIZE = _OPTIONAL + 60
_CHECKSUM = _OPTIONAL + 64
_DIRECTORIES = _OPTIONAL + 112
_CERTIFICATES, _DEBUG, _CLR = (_DIRECTORIES + 8 * number for number in (4, 6, 14))
_SECTION_SIZE, _DEBUG_ENTRY_SIZE = 40, 28
_PE32_PLUS = 0x20B


class _Section(NamedTuple):
    header: int
    """Where its header lies in the file."""
    address: int
    size: int
    """Bytes of the file that it has."""
    start: int


def paged(program: bytes) -> bytes:
    """`program` with every section at a page of the file; as it is if that is so, or if it is no 64-bit machine code.

    A signature is left out: it would not fit any more.
    """
    pe = struct.unpack_from("<I", program, 0x3C)[0] if program[:2] == b"MZ" and len(program) > 0x40 else 0
    if not pe or program[pe : pe + 4] != b"PE\0\0" or _number(program, pe + _OPTIONAL, "<H") != _PE32_PLUS:
        return program
    sections = _sections(program, pe)
    signed = _number(program, pe + _CERTIFICATES)
    end = max(section.start + section.size for section in sections)
    if _number(program, pe + _FILE_ALIGNMENT) >= _PAGE or _number(program, pe + _CLR) or end < (signed or len(program)):
        return program  # what follows the last section is found by its place
    return _laid_out(program, pe, sections)


def _laid_out(program: bytes, pe: int, sections: list[_Section]) -> bytes:
    result = bytearray(program[: min(section.start for section in sections if section.size)])
    result += bytes(-len(result) % _PAGE)
    struct.pack_into("<I", result, pe + _FILE_ALIGNMENT, _PAGE)
    struct.pack_into("<I", result, pe + _HEADERS_SIZE, len(result))
    struct.pack_into("<I", result, pe + _CHECKSUM, 0)  # which Windows looks at for drivers only
    struct.pack_into("<II", result, pe + _CERTIFICATES, 0, 0)
    for section in sections:
        if section.size:
            start = len(result)
            result += program[section.start : section.start + section.size]
            result += bytes(-len(result) % _PAGE)
            struct.pack_into("<II", result, section.header + 16, len(result) - start, start)
    _move_debug_data(result, pe)
    return bytes(result)


def _move_debug_data(result: bytearray, pe: int) -> None:
    """Its directory is the one that knows places in the file as well as addresses."""
    address, size = struct.unpack_from("<II", result, pe + _DEBUG)
    sections = _sections(result, pe)
    for entry in range(address, address + size, _DEBUG_ENTRY_SIZE):
        at = _place(sections, entry)
        data = _number(result, at + 20)
        struct.pack_into("<I", result, at + 24, _place(sections, data) if data else 0)


def _place(sections: list[_Section], address: int) -> int:
    """Where in the file lies what is to be at `address`."""
    return next(s.start + address - s.address for s in sections if s.address <= address < s.address + s.size)


def _sections(program: bytes | bytearray, pe: int) -> list[_Section]:
    count, optional_size = _number(program, pe + 6, "<H"), _number(program, pe + 20, "<H")
    first = pe + _OPTIONAL + optional_size
    headers = range(first, first + _SECTION_SIZE * count, _SECTION_SIZE)
    return [_Section(header, *struct.unpack_from("<III", program, header + 12)) for header in headers]


def _number(program: bytes | bytearray, offset: int, kind: str = "<I") -> int:
    number: int = struct.unpack_from(kind, program, offset)[0]
    return number
