"""``pytest-smolvm images`` and ``prune``: what the store holds."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_smolvm.cli import command
from pytest_smolvm.cli.command import file, option
from pytest_smolvm.host.progress import Lines

if TYPE_CHECKING:
    from pytest_smolvm.cli.command import Commands

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def add_commands(commands: Commands) -> None:
    """Add the commands."""
    also = file("image", "also this one, which is not in the store", metavar="IMAGE", nargs="*")
    command.add(
        commands,
        "images",
        "list images, their templates and the layers on these: size, age, who uses them, what they were made of",
        _images,
        also,
    )
    command.add(
        commands,
        "prune",
        "remove what dead runs left and what nobody used for a while",
        _prune,
        option("name", "only this image or template, or layer, as its function is called", metavar="NAME", nargs="*"),
        option(
            "--older-than",
            "unused for so long, e.g. 12h or 30d (default: 7d)",
            type=_duration,
            default=_duration("7d"),
            metavar="TIME",
        ),
        option("--all", "everything that is not in use now", action="store_true"),
    )


def _images(options: Namespace) -> int:
    from pytest_smolvm.images import inventory

    images: list[Path] = options.image
    for depth, entry in inventory.tree(inventory.entries(command.store(options), images)):
        users = f"used by {entry.used_by}" if entry.used_by else "not in use"
        size, age = f"{entry.size / 2**20:8.0f} MiB", f"{entry.age / 86400:5.1f} d"
        print(f"{'  ' * depth + entry.kind:12} {entry.name:40} {size}  {age}  {users}  {entry.detail}")
    return 0


def _prune(options: Namespace) -> int:
    from pytest_smolvm.images import inventory

    store, older_than = command.store(options), 0.0 if options.all else options.older_than
    if options.name:
        removed = inventory.discard(store, options.name)
    else:
        removed = inventory.prune(store, older_than, Lines(command.say))
    for entry in removed:
        print(f"removed {entry} ({entry.size / 2**20:.0f} MiB)")
    print(f"{len(removed)} removed, {sum(entry.size for entry in removed) / 2**20:.0f} MiB")
    return 0


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d+)([smhdw])", text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a time like 30m, 12h, 7d")
    return float(found.group(1)) * _UNITS[found.group(2)]
