"""Windows' rules for paths and environment variables: pure functions, checked before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PureWindowsPath

from pytest_smolvm.errors import UsageError

# "Naming Files, Paths, and Namespaces" (Microsoft Learn): reserved characters and device names.
_ILLEGAL = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{name}{digit}" for name in ("com", "lpt") for digit in "123456789¹²³"
}
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_PART_MAX = 255  # NTFS: UTF-16 units in one path component
_PATH_MAX = 32767
# .NET's SetEnvironmentVariable wants names under 255 characters, and sshd loops for ever on names of 256 and more.
_NAME_MAX = 254
_VALUE_MAX = 32767

ENGLISH_CODE_PAGE = "cp437"
"""What programs that know no UTF-8 print on an en-US Windows, by Python's name."""
GuestPath = str | PureWindowsPath
"""A path in a guest."""


def absolute(path: GuestPath) -> str:
    r"""`path` with backslashes, if it is an absolute path that Windows can store; ``C:/x`` becomes ``C:\x``.

    :raises UsageError: it is relative, has an illegal character or a reserved name; the message says which. Or it is
        neither text nor one of pathlib's Windows paths.
    """
    path = _text(path)
    if not _DRIVE.match(path):
        raise UsageError(f"{path!r} is not an absolute Windows path; expected something like C:\\Users\\me\\file.txt")
    parts = [part for part in path[3:].replace("/", "\\").split("\\") if part]
    for part in parts:
        _check_part(path, part)
    whole = path[:2] + "\\" + "\\".join(parts)
    if _units(whole) > _PATH_MAX:
        raise UsageError(f"the Windows path {path[:60]!r}... has more than {_PATH_MAX} characters")
    return whole


def _text(path: object) -> str:
    if isinstance(path, str):
        return path
    if isinstance(path, PureWindowsPath):
        return str(path)
    raise UsageError(f"{path!r} is not a path in a guest, which is text or a pathlib.PureWindowsPath")


def parent(path: str) -> str:
    """The directory of an absolute Windows path."""
    return str(PureWindowsPath(path).parent)


def check_name(name: str) -> None:
    """One file or directory name.

    :raises UsageError: Windows cannot store it.
    """
    _check_part(name, name)


def _check_part(path: str, part: str) -> None:
    try:
        part.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(f"{path!r}: the name {part!r} is not text") from None
    if part in (".", ".."):
        raise UsageError(f"{path!r} contains {part!r}; give the path without it")
    illegal = _ILLEGAL.search(part)
    if illegal:
        raise UsageError(f"{path!r} contains {illegal.group()!r}, which Windows does not allow in a name")
    if part[-1] in ". ":
        raise UsageError(f"{path!r}: the name {part!r} ends with {part[-1]!r}, which Windows would drop")
    if part.split(".", maxsplit=1)[0].rstrip(" ").lower() in _DEVICES:
        raise UsageError(f"{path!r}: {part!r} is a reserved device name on Windows")
    if _units(part) > _PART_MAX:
        raise UsageError(f"{path[:60]!r}...: a name has more than {_PART_MAX} characters")


def check_environment(variables: Mapping[str, str]) -> None:
    """Names and values of environment variables, before they are written.

    :raises UsageError: a name or value Windows cannot store, two names that differ by case only, or PATH.
    """
    seen: dict[str, str] = {}
    for name, value in variables.items():
        _check_variable(name, value)
        other = seen.setdefault(name.upper(), name)
        if other != name:
            raise UsageError(f"environment variables {other!r} and {name!r} are the same one on Windows")
    if "PATH" in seen:
        raise UsageError("this would replace PATH of the user; SmolVM.add_to_path extends it")


def _check_variable(name: object, value: object) -> None:
    if not isinstance(name, str) or not isinstance(value, str):
        raise UsageError(f"environment variable {name!r}: name and value must be text")
    if not name or "=" in name or name != name.strip() or any(ord(c) < 32 for c in name):
        raise UsageError(f"{name!r} cannot be the name of an environment variable")
    if _units(name) > _NAME_MAX:
        raise UsageError(f"environment variable {name[:40]!r}...: the name has more than {_NAME_MAX} characters")
    if "\0" in value:
        raise UsageError(f"environment variable {name!r}: the value contains a NUL character")
    if _units(value) > _VALUE_MAX:
        raise UsageError(f"environment variable {name!r}: the value has more than {_VALUE_MAX} characters")


def folded(name: str) -> str:
    """A key under which two names meet that Windows takes for one.

    NTFS compares upper-case letters one by one, so that unlike ``str.upper`` a ß stays what it is.
    """
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in name)


def joined(directory: str, *names: str) -> str:
    """The path of something in an absolute directory."""
    return "\\".join([directory.rstrip("\\"), *names])


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
