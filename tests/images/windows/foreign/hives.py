"""A registry hive with the structures of a real one, made from nested dictionaries."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

Keys = Mapping[str, Any]
"""A key: by name, keys below it (dictionaries) and values (pairs of type and data)."""


class _Writer:
    def __init__(self) -> None:
        self.cells = bytearray(32)  # the header of a bin

    def cell(self, content: bytes) -> int:
        place = len(self.cells)
        size = -(-(len(content) + 4) // 8) * 8
        self.cells += struct.pack("<i", -size) + content.ljust(size - 4, b"\0")
        return place

    def key(self, name: str, keys: Keys) -> int:
        below = [self.key(child, found) for child, found in keys.items() if isinstance(found, Mapping)]
        values = [self.value(child, *found) for child, found in keys.items() if not isinstance(found, Mapping)]
        listed = self.cell(struct.pack("<2sH", b"lh", len(below)) + b"".join(struct.pack("<II", at, 0) for at in below))
        valued = self.cell(struct.pack(f"<{len(values)}I", *values)) if values else 0xFFFFFFFF
        content = struct.pack("<2sHQIIIIIIIIIIIIIIIHH", b"nk", 0x20, 0, 0, 0, len(below), 0, listed if below else 0xFFFFFFFF,
            0xFFFFFFFF, len(values), valued, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0, 0, 0, 0, len(name), 0)  # fmt: skip
        return self.cell(content + name.encode("latin-1"))

    def value(self, name: str, kind: int, data: bytes) -> int:
        if len(data) <= 4:
            size, place = 0x80000000 | len(data), int.from_bytes(data.ljust(4, b"\0"), "little")
        else:
            size, place = len(data), self.cell(data)
        return self.cell(struct.pack("<2sHIIIHH", b"vk", len(name), size, place, kind, 1, 0) + name.encode("latin-1"))


def hive(keys: Keys) -> bytes:
    """The file of a hive."""
    writer = _Writer()
    root = writer.key("ROOT", keys)
    size = -(-len(writer.cells) // 4096) * 4096
    header = bytearray(4096)
    header[:4] = b"regf"
    struct.pack_into("<I", header, 36, root)
    struct.pack_into("<I", header, 40, size)
    return bytes(header) + bytes(writer.cells).ljust(size, b"\0")


def software(release: str, build: str) -> bytes:
    """A SOFTWARE hive that says what Windows it is."""
    words = {"ProductName": (1, text(release)), "CurrentBuild": (1, text(build))}
    return hive({"Microsoft": {"Windows NT": {"CurrentVersion": words}}})


def system(drivers: Mapping[str, int], overridden: str = "", ssh: int | None = 2) -> bytes:
    """A SYSTEM hive with drivers, how each is started, and an SSH server; a driver may be kept from starting at boot."""

    def number(value: int) -> tuple[int, bytes]:
        return (4, struct.pack("<I", value))

    services: dict[str, Any] = {name: {"Start": number(start)} for name, start in drivers.items()}
    if ssh is not None:
        services["sshd"] = {"Start": number(ssh)}
    if overridden:
        services[overridden]["StartOverride"] = {"0": number(3)}
    return hive({"Select": {"Current": number(1)}, "ControlSet001": {"Services": services}})


def sam(accounts: Mapping[str, tuple[int, bool]]) -> bytes:
    """A SAM hive with accounts: number, and whether it is disabled."""
    names = {name: {"": (number, b"")} for name, (number, _) in accounts.items()}
    users: dict[str, Any] = {"Names": names}
    for number, disabled in accounts.values():
        users[f"{number:08X}"] = {
            "F": (3, bytes(0x38) + struct.pack("<H", 0x10 | disabled) + bytes(22)),
            "V": (3, b"x" * 200),
        }
    return hive({"SAM": {"Domains": {"Account": {"Users": users}}}})


def text(words: str) -> bytes:
    """Text as the registry has it."""
    return (words + "\0").encode("utf-16-le")
