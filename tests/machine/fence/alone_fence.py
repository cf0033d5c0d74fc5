"""What a guest behind a fence reaches. It runs in namespaces of its own: see test_fence.py.

Each test has names of its own, since what one stands for is remembered for seconds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from pytest_smolvm.host.waiting import until
from tests.machine.fence.world import HOST, NAMESERVER, NEIGHBOUR, OTHER_SITE, SITE, World, world

REFUSED = "ConnectionRefusedError"
LOOPBACK = "10.0.2.2"
"""The host's, as the guest knows it."""
RESOLVER = "10.0.2.3"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as made:
        for space, address in (
            (made.internet, SITE),
            (made.internet, OTHER_SITE),
            (made.internet, NEIGHBOUR),
            (made.host, HOST),
            (made.host, "127.0.0.1"),
        ):
            made.serve(space, address, 80)
            made.serve(space, address, 81)
        made.serve(made.internet, NAMESERVER, 53)
        yield made


def question(name: str, kind: int = 1) -> bytes:
    """A question about a name, as any resolver sends it."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 4711, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def told(packet: bytes | None) -> tuple[int, list[str]]:
    """The code and the addresses of an answer."""
    assert packet is not None
    ident, flags, questions, answers, _, _ = struct.unpack_from("!6H", packet)
    assert (4711, 1) == (ident, questions)
    records = [packet[len(packet) - 16 * (answers - at) :][:16] for at in range(answers)]
    return flags & 0xF, [str(IPv4Address(record[12:])) for record in records]


def greeting(address: str, port: int = 80) -> str:
    return f"{address}:{port}"


def test_host_is_as_without_a_fence(there: World, tmp_path: Path) -> None:
    with there.qemu("host", tmp_path) as qemu:
        reached = [there.reaches(address, 80) for address in (SITE, NEIGHBOUR, HOST, LOOPBACK)]

        assert [greeting(SITE), greeting(NEIGHBOUR), greeting(HOST), greeting("127.0.0.1")] == reached
        assert [] == qemu.tried()


def test_open_is_the_internet_and_nothing_at_home(there: World, tmp_path: Path) -> None:
    with there.qemu("open", tmp_path) as qemu:
        assert greeting(SITE) == there.reaches(SITE, 80)
        assert {REFUSED} == {there.reaches(address, 80) for address in (NEIGHBOUR, HOST, LOOPBACK)}
        assert greeting(SITE).encode() == there.asks(SITE, 80, b"?")
        assert {None} == {there.asks(address, 80, b"?") for address in (NEIGHBOUR, HOST, LOOPBACK)}
        assert greeting(NAMESERVER, 53).encode() == there.asks(RESOLVER, 53, question("a1.example.com"))
        assert f"tcp {SITE}:80: allowed" in qemu.tried()
        assert f"tcp {NEIGHBOUR}:80: refused, a private or reserved address" in qemu.tried()
        assert "udp 127.0.0.1:80: refused, the host's loopback" in qemu.tried()


def test_open_is_not_what_the_kernel_finds_next_door(there: World, tmp_path: Path) -> None:
    there.host.ip("address add 44.9.9.1/24 dev card")
    there.internet.ip("address add 44.9.9.2/24 dev far")
    there.serve(there.internet, "44.9.9.2", 80)
    there.serve(there.host, "44.9.9.1", 80)

    with there.qemu("open", tmp_path) as qemu:
        assert [REFUSED, REFUSED] == [there.reaches("44.9.9.1", 80), there.reaches("44.9.9.2", 80)]
        assert [
            "tcp 44.9.9.1:80: refused, an address of the host",
            "tcp 44.9.9.2:80: refused, the host's local network",
        ] == qemu.tried()


@pytest.mark.parametrize("nothing", ["off", []])
def test_off_is_nothing(nothing: str | list[str], there: World, tmp_path: Path) -> None:
    with there.qemu(nothing, tmp_path):
        assert {REFUSED} == {there.reaches(address, 80) for address in (SITE, NEIGHBOUR, HOST, LOOPBACK)}
        assert REFUSED == there.reaches(RESOLVER, 53)
        assert {None} == {there.asks(address, 80, b"?") for address in (SITE, NEIGHBOUR, HOST, LOOPBACK)}
        assert (3, []) == told(there.asks(RESOLVER, 53, question("a3.example.com")))
        assert None is there.asks(OTHER_SITE, 53, question("a3.example.com"))


def test_rules_are_all_there_is(there: World, tmp_path: Path) -> None:
    there.name({"a4.example.com": SITE, "b4.example.net": OTHER_SITE})

    with there.qemu(["a4.example.com:80", "192.168.77.0/24:81", "127.0.0.1:81"], tmp_path) as qemu:
        assert (0, [SITE]) == told(there.asks(RESOLVER, 53, question("A4.example.com")))
        assert greeting(SITE) == there.reaches(SITE, 80)
        assert greeting(SITE).encode() == there.asks(SITE, 80, b"?")
        assert [greeting(NEIGHBOUR, 81), greeting("127.0.0.1", 81)] == [
            there.reaches(address, 81) for address in (NEIGHBOUR, LOOPBACK)
        ]
        assert {REFUSED} == {there.reaches(SITE, 81), there.reaches(OTHER_SITE, 80)}
        assert {REFUSED} == {there.reaches(address, 80) for address in (NEIGHBOUR, HOST, LOOPBACK)}
        assert f"tcp {OTHER_SITE}:80: refused, no rule allows it" in qemu.tried()


def test_names_that_no_rule_means_are_not_told(there: World, tmp_path: Path) -> None:
    there.name({"a5.example.com": SITE, "b5.example.net": OTHER_SITE})

    with there.qemu(["a5.example.com:80"], tmp_path) as qemu:
        assert (3, []) == told(there.asks(RESOLVER, 53, question("b5.example.net")))
        assert (0, []) == told(there.asks(RESOLVER, 53, question("a5.example.com", kind=28)))  # AAAA
        assert None is there.asks(NAMESERVER, 54, question("a5.example.com"))
        assert None is there.asks(OTHER_SITE, 53, question("a5.example.com"))
        assert REFUSED == there.reaches(RESOLVER, 53)
        assert "name b5.example.net: refused, no rule means it" in qemu.tried()


def test_names_below_a_star_count_once_they_are_asked_for(there: World, tmp_path: Path) -> None:
    there.name({"cdn6.example.com": SITE})

    with there.qemu(["*.example.com:*"], tmp_path):
        assert REFUSED == there.reaches(SITE, 80)
        assert (0, [SITE]) == told(there.asks(RESOLVER, 53, question("cdn6.example.com")))
        assert [greeting(SITE), greeting(SITE, 81)] == [there.reaches(SITE, 80), there.reaches(SITE, 81)]


def test_a_name_that_leads_home_does_not_open_it(there: World, tmp_path: Path) -> None:
    there.name({"a7.example.com": NEIGHBOUR, "b7.example.com": "127.0.0.1"})

    with there.qemu(["*.example.com:80"], tmp_path) as qemu:
        assert (0, [NEIGHBOUR]) == told(there.asks(RESOLVER, 53, question("a7.example.com")))
        assert (0, ["127.0.0.1"]) == told(there.asks(RESOLVER, 53, question("b7.example.com")))
        assert [REFUSED, REFUSED] == [there.reaches(NEIGHBOUR, 80), there.reaches(LOOPBACK, 80)]
        assert [
            "tcp 192.168.77.1:80: refused, a private or reserved address, which no rule allows by its address",
            "tcp 127.0.0.1:80: refused, the host's loopback, which no rule allows by its address",
        ] == qemu.tried()[2:]


def test_a_name_leads_where_it_leads_now(there: World, tmp_path: Path) -> None:
    there.name({"a8.example.com": SITE})

    with there.qemu(["a8.example.com:80"], tmp_path):
        assert greeting(SITE) == there.reaches(SITE, 80)
        there.name({"a8.example.com": OTHER_SITE})
        until("the name's new address", lambda: greeting(OTHER_SITE) == there.reaches(OTHER_SITE, 80), timeout=60)
        assert REFUSED == there.reaches(SITE, 80)


def test_one_socket_asks_for_names_and_for_other_things(there: World, tmp_path: Path) -> None:
    there.name({"a9.example.com": SITE})

    with there.qemu(["a9.example.com:80"], tmp_path):
        answers = there.asks_in_turn([(RESOLVER, 53, question("a9.example.com")), (SITE, 80, b"?")] * 2)

        assert [(0, [SITE])] * 2 == [told(answer) for answer in answers[::2]]
        assert [greeting(SITE).encode()] * 2 == answers[1::2]


def test_a_killed_guard_leaves_the_guest_cut_off(there: World, tmp_path: Path) -> None:
    with there.qemu("open", tmp_path):
        assert greeting(SITE) == there.reaches(SITE, 80)
        there.kill_guard()
        assert greeting(SITE) != there.reaches(SITE, 80)

    (tmp_path / "next").mkdir()
    with there.qemu("open", tmp_path / "next"):
        assert greeting(SITE) == there.reaches(SITE, 80)
