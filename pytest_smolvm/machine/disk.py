"""qcow2 files, over qemu-img."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import ImageError, ToolError
from pytest_smolvm.host import proc
from pytest_smolvm.host.programs import run, settled
from pytest_smolvm.host.store import is_utf8

_QCOW2_MAGIC = b"QFI\xfb"
_LEAKED = 3
# Where QEMU runs: a data file that is named relatively is looked for there, whereas bases are so beside their image.
_ANYWHERE = Path("/")
_WITH_FEATURES = 3
_EXTERNAL_DATA = 1 << 2


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A qcow2 file that was looked at."""

    path: Path
    virtual_size: int
    """Bytes the guest sees."""


def inspect(path: Path) -> Disk:
    """Look at an image before it is used; once per process, unless one of its files has changed since.

    :raises ImageError: it is missing, a directory, unreadable, not qcow2, truncated, or its backing file is gone.
    :raises HostError: qemu-img is not installed.
    """
    return _looked_at(path).disk


@dataclass(frozen=True)
class _Look:
    """What came of looking at an image."""

    disk: Disk
    files: tuple[str, ...]
    """The image's own, and those that it is based on."""
    marks: tuple[str, ...]
    """What those looked like."""


_LOOKED_AT: dict[Path, _Look] = {}


def _looked_at(path: Path) -> _Look:
    _check_readable(path.expanduser().absolute())
    path = path.expanduser().resolve()
    known = _LOOKED_AT.get(path)
    if known is None or known.marks != tuple(map(_mark, known.files)):
        known = _LOOKED_AT[path] = _look(path)
    return known


def _look(path: Path) -> _Look:
    chain = _chain(path)
    if chain[0]["format"] != "qcow2":
        raise ImageError(f"{path} is not a qcow2 image (qemu-img calls it {chain[0]['format']})")
    files = tuple(_names(path, chain))
    marks = tuple(map(_mark, files))  # before the check: what is changed meanwhile is looked at again
    _check_whole(path)
    return _Look(Disk(path=path, virtual_size=chain[0]["virtual-size"]), files, marks)


def identity(path: Path) -> str:
    """Changes when the image or a file it is based on is replaced or written (contents are not read).

    :raises ImageError: it cannot be used, as :func:`inspect` does.
    """
    path = path.expanduser().resolve()
    _check_readable(path)
    if not _has_more(path):  # as most: their clones need not wait for qemu-img
        return _mark(os.fspath(path))
    return " ".join(_looked_at(path).marks)


def overlay(backing: Path, path: Path, *, backing_format: str = "qcow2") -> None:
    """Create a thin qcow2 at `path` that reads what it lacks from `backing`; a link to that may go afterwards."""
    command = [
        _qemu_img(),
        "create",
        "-q",
        "-f",
        "qcow2",
        "-F",
        backing_format,
        "-b",
        os.fspath(backing.resolve()),
        os.fspath(path),
    ]
    run("create an overlay", command)


def empty(path: Path, size: int) -> None:
    """Create a qcow2 of `size` bytes, all zeroes."""
    run("create a disk", [_qemu_img(), "create", "-q", "-f", "qcow2", os.fspath(path), str(size)])


def blank(backing: Path, path: Path, size: int) -> None:
    """Create an empty overlay of `size` bytes whose backing file may come into being later."""
    command = [
        _qemu_img(),
        "create",
        "-q",
        "-u",
        "-f",
        "qcow2",
        "-F",
        "qcow2",
        "-b",
        os.fspath(backing),
        os.fspath(path),
        str(size),
    ]
    run("create an overlay", command)


def rebase(path: Path, base: Path) -> None:
    """Have the overlay `path` be based on `base`, beside it, which holds the same as what it was based on."""
    command = [_qemu_img(), "rebase", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", base.name, os.fspath(path)]
    run("base an overlay on another file", command)


def move_base(path: Path, base: Path, base_format: str = "qcow2") -> None:
    """Have the overlay `path` be based on `base`, elsewhere, which holds the same as what it was based on."""
    command = [_qemu_img(), "rebase", "-q", "-u", "-f", "qcow2", "-F", base_format, "-b", os.fspath(base.resolve())]
    run("base an overlay on another file", [*command, os.fspath(path)])


def merge(path: Path, base: Path) -> None:
    """Have the overlay `path` be based on `base`, one of those that it is based on by way of others.

    What those others hold is copied into it.
    """
    run("merge overlays", [_qemu_img(), "rebase", "-q", "-f", "qcow2", "-F", "qcow2", "-b", os.fspath(base), path])


def base(path: Path) -> Path:
    """The file that the overlay `path` is based on, as that names it."""
    with open(path, "rb") as image:
        offset, size = struct.unpack(">8xQI", image.read(20))
        image.seek(offset)
        return Path(os.fsdecode(image.read(size)))


def bases(path: Path) -> tuple[Path, ...]:
    """The files below a qcow2 file, as far as they are there.

    :raises ImageError: one of them is gone.
    """
    return tuple(Path(name) for name in _files(path)[1:]) if _has_more(path) else ()


def virtual_size(path: Path) -> int:
    """Bytes a guest sees of the qcow2 file `path`."""
    with open(
        path, "rb"
    ) as image:  # qemu's docs/interop/qcow2.txt; qemu-img would look at all that it is based on, too
        (size,) = struct.unpack(">24xQ", image.read(32))
    return int(size)


def _check_readable(path: Path) -> None:
    if not is_utf8(path):
        raise ImageError(f"the path of the image, {os.fspath(path)!a}, is no UTF-8, and QEMU is told paths in JSON")
    if path.is_dir():
        raise ImageError(f"{path} is a directory, not an image file")
    try:
        with open(path, "rb") as image:
            magic = image.read(4)
    except FileNotFoundError as exc:
        raise ImageError(f"there is no image at {path}") from exc
    except OSError as exc:
        raise ImageError(f"the image {path} cannot be read: {exc.strerror}") from exc
    if magic != _QCOW2_MAGIC:
        raise ImageError(
            f"{path} is not a qcow2 image; convert it: qemu-img convert -O qcow2 {path.name} {path.stem}.qcow2"
        )


def _chain(path: Path) -> list[dict[str, Any]]:
    """What qemu-img tells of an image, and of each file below it."""
    # --force-share: a look must not collide with the lock of a running guest.
    try:
        text = run(
            "look at the image",
            [_qemu_img(), "info", "--force-share", "--output=json", "--backing-chain", os.fspath(path)],
            cwd=_ANYWHERE,
        )
    except ToolError as exc:
        raise ImageError(f"the image {path} cannot be used: {_last_line(exc.output)}") from exc
    chain: list[dict[str, Any]] = json.loads(text)
    return chain


def _files(path: Path) -> list[str]:
    return list(_names(path, _chain(path)))


def _names(path: Path, chain: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """All files that a guest on `path` reads: its own, those that it is based on, and where their data is kept."""
    for number, info in enumerate(chain):
        name = os.fspath(path) if number == 0 else info["filename"]
        yield name
        if data := info.get("format-specific", {}).get("data", {}).get("data-file"):
            yield data


def _has_more(path: Path) -> bool:
    """Whether an image is based on another one, or has its data in another file (qemu's docs/interop/qcow2.txt)."""
    with open(path, "rb") as image:
        head = image.read(80)
    version, backing, features = struct.unpack_from(">4xIQ56xQ", head.ljust(80, b"\0"))
    return bool(backing or (version >= _WITH_FEATURES and features & _EXTERNAL_DATA))


def _mark(name: str) -> str:
    """Changes when a file does. Not with the device that its file system has: that may be another after each mount."""
    path = Path(name)
    if path.is_block_device():
        return f"{path}:{proc.boot()}:{proc.written(path)}"
    if not path.is_file():
        return name  # a base may be anything that QEMU reads, such as an address
    stat = path.stat()
    return f"{path}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}"


def _check_whole(path: Path) -> None:
    """A truncated qcow2 opens without complaint and would fail later, inside the guest."""
    # qemu-img check ends with 2 for damage and 3 for leaked clusters, which hurt nobody (qemu-img(1)).
    try:
        run("check the image", [_qemu_img(), "check", "--force-share", "--output=json", os.fspath(path)], cwd=_ANYWHERE)
    except ToolError as exc:
        if exc.exit_code != _LEAKED:
            raise ImageError(
                f"the image {path} is damaged or truncated (qemu-img check says so); copy it again"
            ) from exc


def _qemu_img() -> str:
    return settled("qemu-img", "qemu-utils")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1]
