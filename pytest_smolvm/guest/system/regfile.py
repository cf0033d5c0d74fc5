"""Registry files (``.reg``, version 5): what ``reg import`` takes and ``reg export`` leaves. Pure functions.

They are how this package talks to a registry: nothing in them passes through a command line or a console's code page,
so quotes, percent signs, newlines and Unicode arrive as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_smolvm.errors import UsageError

Data = str | int | bytes | list[str]

_HEAD = "Windows Registry Editor Version 5.00"
_BOM = b"\xff\xfe"
_KINDS = {
    "REG_NONE": 0,
    "REG_SZ": 1,
    "REG_EXPAND_SZ": 2,
    "REG_BINARY": 3,
    "REG_DWORD": 4,
    "REG_MULTI_SZ": 7,
    "REG_QWORD": 11,
}
_NAMES = {number: name for name, number in _KINDS.items()}
_ROOTS = {
    "HKCU": "HKEY_CURRENT_USER",
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKU": "HKEY_USERS",
    "HKCC": "HKEY_CURRENT_CONFIG",
}
_PART_MAX = 255  # characters in one key name (Microsoft Learn, "Registry Element Size Limits")
_NAME_MAX = 16383
_BYTES_A_LINE = 25
# A text may run over several lines, and hexadecimal digits go on after a backslash at a line's end.
_ITEM = re.compile(
    r"""^(?: \[ (?P<key> [^\r\n]*) \]
         | (?: @ | " (?P<name> (?: [^"\\] | \\. )* ) " ) =
           (?: " (?P<text> (?: [^"\\] | \\. )* ) "
             | dword: (?P<dword> [0-9a-fA-F]{1,8})
             | hex (?: \( (?P<kind> [0-9a-fA-F]+) \) )? : (?P<hex> [0-9a-fA-F,\s\\]* ) )
        ) \s*? $""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
# Windows escapes the backslash and the quote only; wine's reg.exe the others, too. As a backslash is always doubled,
# one reading serves both.
_ESCAPES = {"n": "\n", "r": "\r", "0": "\0"}


@dataclass(frozen=True)
class RegistryValue:
    """A registry value."""

    data: Data
    """int for REG_DWORD and REG_QWORD, str for REG_SZ and REG_EXPAND_SZ, list of str for REG_MULTI_SZ, else bytes."""
    kind: str
    """``REG_SZ``, ``REG_DWORD`` and so on."""

    @classmethod
    def of(cls, data: Data, kind: str | None = None) -> RegistryValue:
        """`data` as a value of the type that suits it, or of the type called `kind`.

        :raises UsageError: there is no such type, or it cannot hold that.
        """
        kind = _kind_for(data) if kind is None else kind
        if kind not in _KINDS:
            raise UsageError(f"registry type {kind!r} is not one of {', '.join(_KINDS)}")
        value = cls(data, kind)
        _encoded(value)
        return value


def full_key(key: str) -> str:
    r"""`key` with the long name of its root: ``HKCU:\Software`` is ``HKEY_CURRENT_USER\Software``.

    :raises UsageError: it is no key, or one that reg.exe cannot be told about.
    """
    root, _, rest = key.strip("\\").partition("\\")
    root = root.removesuffix(":").upper()
    root = _ROOTS.get(root, root)
    if root not in _ROOTS.values():
        raise UsageError(f"{key!r} is no registry key; it must begin with one of {', '.join(_ROOTS)}")
    parts = rest.split("\\") if rest else []
    for part in parts:
        if not part or len(part) > _PART_MAX or any(c == '"' or ord(c) < 32 for c in part):
            raise UsageError(f"{key!r} is no registry key: {part!r} cannot be part of one here")
    return "\\".join([root, *parts])


def check_name(name: str) -> None:
    """The name of a value; the empty one is the key's default.

    :raises UsageError: no value can have it.
    """
    if len(name) > _NAME_MAX or any(ord(c) < 32 for c in name):
        raise UsageError(f"{name[:60]!r} cannot be the name of a registry value")


def render(key: str, values: Mapping[str, RegistryValue | None]) -> bytes:
    r"""A file that sets the `values` of `key`, and deletes those that are None.

    :param key: with the long name of its root, as from :func:`full_key`.
    """
    lines = [_HEAD, "", f"[{key}]"]
    for name, value in values.items():
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' if name else "@"
        lines.append(
            f"{quoted}=-" if value is None else f"{quoted}=hex({_KINDS[value.kind]:x}):{_folded(_encoded(value))}"
        )
    return _file(lines)


def render_deletion(key: str) -> bytes:
    """A file that deletes `key` with all below it."""
    return _file([_HEAD, "", f"[-{key}]"])


def parse(content: bytes) -> dict[str, dict[str, RegistryValue]]:
    """The keys in an exported file, with their values by name; all in the order they have there."""
    text = content.decode(
        "utf-16" if content.startswith(_BOM) else "utf-8", "surrogatepass" if content.startswith(_BOM) else "replace"
    )
    keys: dict[str, dict[str, RegistryValue]] = {}
    values: dict[str, RegistryValue] = {}
    for item in _ITEM.finditer(text.replace("\r\n", "\n")):
        if item["key"] is not None:
            values = keys.setdefault(item["key"], {})
        else:
            values[_unescaped(item["name"] or "")] = _value(item)
    return keys


def _value(item: re.Match[str]) -> RegistryValue:
    if item["text"] is not None:
        return RegistryValue(_unescaped(item["text"]), "REG_SZ")
    if item["dword"] is not None:
        return RegistryValue(int(item["dword"], 16), "REG_DWORD")
    number = int(item["kind"] or "3", 16)
    raw = bytes.fromhex(re.sub(r"[^0-9a-fA-F]", "", item["hex"]))
    return RegistryValue(_decoded(raw, number), _NAMES.get(number, f"REG_{number}"))


def _kind_for(data: Data) -> str:
    if isinstance(data, str):
        return "REG_SZ"
    if isinstance(data, (bytes, bytearray)):
        return "REG_BINARY"
    if isinstance(data, list):
        return "REG_MULTI_SZ"
    if isinstance(data, int) and not isinstance(data, bool):
        return "REG_DWORD" if 0 <= data < 1 << 32 else "REG_QWORD"
    raise UsageError(f"{data!r} cannot be a registry value; it must be a str, int, bytes or list of str")


def _encoded(value: RegistryValue) -> bytes:
    data, kind = value.data, value.kind
    if kind in ("REG_SZ", "REG_EXPAND_SZ") and isinstance(data, str) and "\0" not in data:
        return _wide(data + "\0")
    if kind == "REG_MULTI_SZ" and isinstance(data, list) and all(isinstance(s, str) and "\0" not in s for s in data):
        return _wide("".join(text + "\0" for text in data) + "\0")
    if kind in ("REG_DWORD", "REG_QWORD") and isinstance(data, int) and not isinstance(data, bool):
        size = 4 if kind == "REG_DWORD" else 8
        if 0 <= data < 1 << 8 * size:
            return data.to_bytes(size, "little")
    if kind in ("REG_BINARY", "REG_NONE") and isinstance(data, (bytes, bytearray)):
        return bytes(data)
    raise UsageError(f"a registry value of type {kind} cannot hold {str(data)[:60]!r}")


def _decoded(raw: bytes, number: int) -> Data:
    kind = _NAMES.get(number)
    if kind in ("REG_SZ", "REG_EXPAND_SZ", "REG_MULTI_SZ"):
        text = raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass")
        if kind != "REG_MULTI_SZ":
            return text.removesuffix("\0")
        return _listed(text)
    if kind in ("REG_DWORD", "REG_QWORD"):
        return int.from_bytes(raw, "little")
    return raw


def _listed(text: str) -> list[str]:
    """The strings of a REG_MULTI_SZ. Each ends with a NUL and so does the whole, but not every program writes that.

    Empty ones count: in PendingFileRenameOperations they are the targets of what is to be deleted.
    """
    strings = text.removesuffix("\0")
    return strings.removesuffix("\0").split("\0") if strings else []


def _folded(raw: bytes) -> str:
    """Hexadecimal digits in short lines, as Windows writes them itself."""
    return ",\\\r\n  ".join(raw[start : start + _BYTES_A_LINE].hex(",") for start in range(0, len(raw), _BYTES_A_LINE))


def _file(lines: list[str]) -> bytes:
    return _BOM + _wide("\r\n".join([*lines, "", ""]))


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), text, flags=re.DOTALL)
