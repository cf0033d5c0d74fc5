"""Questions and answers of the domain name system on the wire (RFC 1035)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

PORT = 53
A = 1
FINE, FAILED, UNKNOWN = 0, 2, 3
"""Response codes: an answer, none to be had, no such name."""
_HEADER = struct.Struct("!6H")
_KIND = struct.Struct("!HH")
_RECORD = struct.Struct("!HHHIH4s")
_RESPONSE, _RECURSION_WANTED, _RECURSION_DONE = 0x8000, 0x0100, 0x0080
_OPCODE = 0x7800
_INTERNET = 1
# The question's name, again: it stands right behind the header.
_SAME_NAME = 0xC000 | _HEADER.size
# What anybody takes over UDP.
_LONGEST = 512


@dataclass(frozen=True)
class Question:
    """What a guest asks."""

    ident: int
    name: str
    """In lower case, without the root's dot."""
    kind: int
    """``A``, or another."""
    raw: bytes
    """As it stands in the packet."""
    flags: int


def question(packet: bytes) -> Question:
    """The one question in a packet.

    :raises ValueError: there is none, or something else.
    """
    try:
        ident, flags, count, *_ = _HEADER.unpack_from(packet)
        if flags & (_RESPONSE | _OPCODE) or count != 1:
            raise ValueError("not a question")
        labels, at = [], _HEADER.size
        while size := packet[at]:
            label = packet[at + 1 : at + 1 + size]
            if size > 63 or len(label) != size:  # a pointer, or cut off
                raise ValueError("not a name")
            labels.append(label.decode("ascii").lower())
            at += 1 + size
        kind, family = _KIND.unpack_from(packet, at + 1)
    except (struct.error, IndexError, UnicodeDecodeError) as exc:
        raise ValueError("not a question") from exc
    if family != _INTERNET:
        raise ValueError("not about the internet")
    return Question(ident, ".".join(labels), kind, packet[_HEADER.size : at + 1 + _KIND.size], flags)


def answer(asked: Question, code: int, addresses: Sequence[IPv4Address], seconds: int) -> bytes:
    """The packet that answers a question.

    :param code: ``FINE``, ``FAILED`` or ``UNKNOWN``.
    :param addresses: what the name stands for, none for another kind of question than ``A``.
    :param seconds: how long they hold.
    """
    room = (_LONGEST - _HEADER.size - len(asked.raw)) // _RECORD.size
    told = addresses[:room]
    flags = _RESPONSE | asked.flags & _RECURSION_WANTED | _RECURSION_DONE | code
    records = [_RECORD.pack(_SAME_NAME, A, _INTERNET, seconds, 4, address.packed) for address in told]
    return _HEADER.pack(asked.ident, flags, 1, len(told), 0, 0) + asked.raw + b"".join(records)
