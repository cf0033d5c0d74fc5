"""``pytest-smolvm snapshot``: templates and layers on their way to another host."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_smolvm.cli import command
from pytest_smolvm.cli.command import file, option
from pytest_smolvm.host.progress import Lines

if TYPE_CHECKING:
    from pytest_smolvm.cli.command import Commands
    from pytest_smolvm.host.store import Store
    from pytest_smolvm.pool.site import Site


def add_commands(commands: Commands) -> None:
    """Add the commands."""
    own = command.add_group(commands, "snapshot", "take what was frozen here to another host of the same kind")
    command.add(
        own,
        "export",
        "write a template or layer, with what it builds on, into a file",
        _export,
        option("name", "which: a layer as its function is called, or a name that `images` lists", metavar="NAME"),
        file("file", "the archive; secrets of the guest are in it"),
    )
    command.add(
        own,
        "import",
        "put what another host has exported into the store, if this one can go on with it",
        _import,
        file("file", "the archive; take it only from somebody whom you trust"),
        file("--image", "the golden image on this host (default: where it was on the other one, or in the store)"),
    )


def _export(options: Namespace) -> int:
    from pytest_smolvm.images import inventory
    from pytest_smolvm.pool import moving

    store, path = command.store(options), _path(options.file)
    moving.send(inventory.frozen(store, options.name), _site(store), path)
    print(f"{path} ({path.stat().st_size / 2**20:.0f} MiB)")
    return 0


def _import(options: Namespace) -> int:
    from pytest_smolvm.pool import moving

    image = None if options.image is None else _path(options.image)
    there = moving.receive(_path(options.file), _site(command.store(options)), image)
    print(f"{there.record.get('layer') or 'template'} ({there.key})")
    return 0


def _site(store: Store) -> Site:
    from pytest_smolvm.machine import hypervisor
    from pytest_smolvm.pool.site import Site

    return Site(store, hypervisor.find(store), Lines(command.say))


def _path(path: Path) -> Path:
    return path.expanduser().absolute()
