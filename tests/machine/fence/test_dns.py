"""Questions and answers on the wire."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest

from pytest_smolvm.machine.fence import dns

HEADER = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0)
QUESTION = HEADER + b"\1A\7example\3COM\0" + struct.pack("!HH", 1, 1)
ADDRESS = IPv4Address("44.1.2.3")


def test_a_question() -> None:
    asked = dns.question(QUESTION + b"what follows, as EDNS does")

    assert (7, "a.example.com", dns.A) == (asked.ident, asked.name, asked.kind)


def test_an_answer_repeats_the_question_as_it_was_spelled() -> None:
    packet = dns.answer(dns.question(QUESTION), dns.FINE, [ADDRESS], 10)

    assert struct.pack("!6H", 7, 0x8180, 1, 1, 0, 0) + QUESTION[12:] == packet[: len(QUESTION)]
    assert b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 10, 4) + ADDRESS.packed == packet[len(QUESTION) :]


def test_an_answer_is_never_too_long_for_a_datagram() -> None:
    packet = dns.answer(dns.question(QUESTION), dns.FINE, [ADDRESS] * 100, 10)

    assert len(packet) <= 512
    assert (len(packet) - len(QUESTION)) // 16 == struct.unpack_from("!H", packet, 6)[0]


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        HEADER,
        QUESTION[:-1],
        QUESTION[:-5],
        struct.pack("!6H", 7, 0x8100, 1, 0, 0, 0) + QUESTION[12:],
        struct.pack("!6H", 7, 0x2800, 1, 0, 0, 0) + QUESTION[12:],
        struct.pack("!6H", 7, 0x0100, 2, 0, 0, 0) + QUESTION[12:],
        HEADER + b"\xc0\x0c" + struct.pack("!HH", 1, 1),
        HEADER + b"\x41" + b"a" * 65 + b"\0" + struct.pack("!HH", 1, 1),
        HEADER + b"\1\xff\0" + struct.pack("!HH", 1, 1),
        HEADER + b"\1a\0" + struct.pack("!HH", 1, 3),
    ],
)
def test_what_is_no_question(packet: bytes) -> None:
    with pytest.raises(ValueError, match="not a"):
        dns.question(packet)
