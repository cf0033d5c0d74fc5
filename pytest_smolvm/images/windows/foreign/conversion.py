"""From any disk file to a plain one, by qemu-img."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import CapacityError, ImageError, ToolError
from pytest_smolvm.host.programs import require, run
from pytest_smolvm.images.windows.foreign import formats

# What is missing at the end of these reads as zeroes, unless somebody asks.
_CHECKED = ("qcow2", "vmdk", "vdi")
_SEALED = 1.6  # what is on a disk, plain, and then compressed beside it
_LEAKS = 3  # qemu-img: room that nobody uses, which is no damage


def to_raw(disk: Path, target: Path) -> int:
    """Write the content of a disk as a plain file with holes; the disk itself is only read.

    :param target: a file that does not exist.
    :returns: bytes of the disk.
    :raises ImageError: it is no disk, not whole in itself, encrypted, or damaged.
    :raises CapacityError: there is no room for its content.
    """
    kind = formats.kind(disk)
    size = _inspect(disk, kind)
    if kind in _CHECKED:
        _check(disk, kind)
    program = require("qemu-img", "qemu-utils")
    measured = json.loads(run("measure the disk", [program, "measure", "--output=json", "-O", "raw", "-f", kind, disk]))
    room(target.parent, int(measured["required"] * _SEALED))
    try:
        run("read the disk", [program, "convert", "-f", kind, "-O", "raw", "-S", "4k", disk, target])
    except ToolError as exc:
        target.unlink(missing_ok=True)
        if "No space left" in exc.output:
            raise CapacityError(f"{target.parent} is full: what is on {disk} does not fit; free space") from exc
        raise ImageError(f"{disk} ({kind}) cannot be read; it is damaged or cut off: {_last(exc)}") from exc
    return size


def _inspect(disk: Path, kind: str) -> int:
    try:
        run_out = run(
            "look at the disk", [require("qemu-img", "qemu-utils"), "info", "--output=json", "-f", kind, disk]
        )
        found: dict[str, Any] = json.loads(run_out)
    except ToolError as exc:
        hint = ""
        if "log that needs to be replayed" in exc.output:
            hint = "; the computer was not switched off cleanly: start and shut it down once where it comes from"
        raise ImageError(f"{disk} ({kind}) cannot be opened: {_last(exc)}{hint}") from exc
    if found.get("encrypted"):
        raise ImageError(f"{disk} is encrypted; decrypt it first (qemu-img convert with its secret)")
    if parent := found.get("backing-filename"):
        raise ImageError(
            f"{disk} holds only what differs from {parent}; make it whole first"
            f" (qemu-img convert -O qcow2 {disk} whole.qcow2)"
        )
    if found.get("format-specific", {}).get("data", {}).get("data-file"):
        raise ImageError(f"{disk} keeps its data in another file; make it whole first (qemu-img convert)")
    return int(found["virtual-size"])


def _check(disk: Path, kind: str) -> None:
    try:
        run("check the disk", [require("qemu-img", "qemu-utils"), "check", "-q", "-f", kind, disk])
    except ToolError as exc:
        if exc.exit_code != _LEAKS:
            raise ImageError(f"{disk} ({kind}) is damaged or cut off: {_last(exc)}; get it again") from exc


def _last(error: ToolError) -> str:
    return (error.output.strip().splitlines() or ["no reason given"])[-1]


def room(directory: Path, needed: int) -> None:
    """Whether there is room for `needed` bytes.

    :raises CapacityError: there is not.
    """
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise CapacityError(
            f"importing takes about {needed / 2**30:.0f} GiB in {directory}, which has {free / 2**30:.1f} free"
        )
