"""A program that waits for an answer: its memory and its descriptors."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Self

_FAMILY = struct.Struct("=H")
_INET = struct.Struct("=H2s4s8x")
# struct msghdr begins with the pointer to the peer's address, and its length.
_MESSAGE = struct.Struct("=QI")
_LENGTH = struct.Struct("=I")
_NOWHERE = IPv4Address(0)
_LONGEST_ADDRESS = 128


@dataclass(frozen=True)
class Peer:
    """Where a call leads."""

    family: int
    address: IPv4Address = _NOWHERE
    port: int = 0
    """Both mean something for AF_INET only."""

    @property
    def local(self) -> bool:
        """Whether it is no network address at all."""
        return self.family == socket.AF_UNIX

    @classmethod
    def at(cls, host: str, port: int) -> Peer:
        """A port of an IPv4 address."""
        return cls(socket.AF_INET, IPv4Address(host), port)

    def packed(self) -> bytes:
        """As the kernel would write it into a program's memory."""
        return _INET.pack(self.family, self.port.to_bytes(2, "big"), self.address.packed)


class Tracee:
    """The program behind a fence, looked into while it waits. It is trusted: nothing changes between look and answer.

    :param process: its number.
    """

    def __init__(self, process: int) -> None:
        self._place = Path(f"/proc/{process}")
        self._memory = os.open(self._place / "mem", os.O_RDWR | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._memory)

    def read(self, at: int, size: int) -> bytes:
        """Up to `size` bytes of its memory."""
        return os.pread(self._memory, size, at)

    def write(self, at: int, data: bytes) -> None:
        """Put `data` into its memory."""
        os.pwrite(self._memory, data, at)

    def peer(self, at: int, length: int) -> Peer:
        """The socket address that it passed.

        :raises ValueError: it is not whole.
        """
        raw = self.read(at, min(length, _LONGEST_ADDRESS))
        if len(raw) < _FAMILY.size:
            raise ValueError("no socket address")
        (family,) = _FAMILY.unpack_from(raw)
        if family != socket.AF_INET:
            return Peer(family)
        if len(raw) < _INET.size:
            raise ValueError("half a socket address")
        _, port, address = _INET.unpack_from(raw)
        return Peer(family, IPv4Address(address), int.from_bytes(port, "big"))

    def write_peer(self, peer: Peer, at: int, length_at: int) -> None:
        """Fill in a socket address that it asked for, with pointers to the address and to its length."""
        (room,) = _LENGTH.unpack(self.read(length_at, _LENGTH.size))
        raw = peer.packed()
        self.write(at, raw[:room])
        self.write(length_at, _LENGTH.pack(len(raw)))

    def message_peer(self, at: int) -> Peer | None:
        """The socket address in a message to be sent; None if it is for the connection's other end."""
        name, length = _MESSAGE.unpack(self.read(at, _MESSAGE.size))
        return self.peer(name, length) if name else None

    def socket_of(self, descriptor: int) -> int:
        """Which socket a descriptor of its is, as the inode that `os.fstat` gives for the same socket here."""
        return os.stat(self._place / "fd" / str(descriptor)).st_ino
