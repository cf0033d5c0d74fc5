"""A directory tree of the host, looked over before anything of it is sent."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest import names


@dataclass(frozen=True)
class TreeEntry:
    """One file or directory of a tree."""

    path: Path
    """Where it is on the host."""
    name: str
    """Its path below the tree's root, with slashes."""
    is_directory: bool
    size: int
    """Bytes; 0 for a directory."""
    modified: int
    """Seconds since 1970."""
    read_only: bool


def scan(root: Path, target: str) -> list[TreeEntry]:
    r"""All that is below the directory `root`, directories before what is in them.

    Symbolic links are followed: Windows gets what they point to.

    :param target: the absolute Windows path that `root` is to become.
    :raises UsageError: `root` is no directory, or holds something that Windows cannot have: an illegal name, two names
        that differ by case only, a link that leads nowhere or back, something that is neither file nor directory.
    """
    if not os.path.isdir(root):  # noqa: PTH112  # pathlib's raises for a name that is too long
        raise UsageError(
            f"{root} is not a directory" if os.path.exists(root) else f"there is no directory {root} to upload"
        )
    return list(_below(root, "", target, (_identity(root),)))


def _below(directory: Path, prefix: str, target: str, above: tuple[tuple[int, int], ...]) -> Iterator[TreeEntry]:
    seen: dict[str, str] = {}
    for name in _names(directory):
        path = directory / name
        _check(path, name, target, prefix, seen)
        status = _status(path)
        if stat.S_ISDIR(status.st_mode):
            here = _identity(path)
            if here in above:
                raise UsageError(f"{path} is a link that leads back to a directory it is in")
            yield TreeEntry(path, prefix + name, True, 0, int(status.st_mtime), False)
            yield from _below(path, f"{prefix}{name}/", target, (*above, here))
        elif stat.S_ISREG(status.st_mode):
            if not os.access(path, os.R_OK):
                raise UsageError(f"{path} cannot be read")
            yield TreeEntry(
                path, prefix + name, False, status.st_size, int(status.st_mtime), not status.st_mode & stat.S_IWUSR
            )
        else:
            raise UsageError(f"{path} is neither a file nor a directory")


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError as exc:
        raise UsageError(f"the directory {directory} cannot be read: {exc.strerror}") from exc


def _check(path: Path, name: str, target: str, prefix: str, seen: dict[str, str]) -> None:
    try:
        names.check_name(name)
        names.absolute(names.joined(target, prefix + name))
    except UsageError as exc:
        raise UsageError(f"{os.fsencode(path).decode(errors='replace')}: {exc}") from exc
    other = seen.setdefault(names.folded(name), name)
    if other != name:
        raise UsageError(f"{path.parent} has {other!r} and {name!r}, which are the same name on Windows")


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as exc:
        reason = "is a link that leads nowhere" if path.is_symlink() else f"cannot be looked at: {exc.strerror}"
        raise UsageError(f"{path} {reason}") from exc


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
