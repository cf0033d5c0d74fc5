"""What the commands have in common: how one is added, its store, and how it speaks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_smolvm.host.store import Store, default_root

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
Run = Callable[[argparse.Namespace], int]
"""What a command does; returns its exit status."""
Option = tuple[str, dict[str, Any]]
"""One call of ``add_argument``: the option's name, and the rest."""


def option(name: str, text: str, **more: Any) -> Option:
    """An option, or with no dashes a positional argument.

    :param more: what ``add_argument`` takes besides.
    """
    return name, {"help": text, **more}


def file(name: str, text: str, *, metavar: str = "FILE", **more: Any) -> Option:
    """An option whose value is a path."""
    return option(name, text, type=Path, metavar=metavar, **more)


def seconds(name: str, text: str, default: float) -> Option:
    """An option whose value is a time."""
    return option(name, f"{text} (default: %(default)g)", type=float, default=default, metavar="SECONDS")


def add(commands: Commands, name: str, text: str, run: Run, *options: Option) -> argparse.ArgumentParser:
    """Add a command. The store may be named behind it as well as before it."""
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    for words, settings in (*options, file("--store", "the store", metavar="DIR", default=argparse.SUPPRESS)):
        command.add_argument(words, **settings)
    return command


def add_group(commands: Commands, name: str, text: str) -> Commands:
    """Add a command that has commands of its own."""
    return commands.add_parser(name, help=text, description=text).add_subparsers(required=True, metavar="COMMAND")


def root(options: argparse.Namespace) -> Path:
    """Where the store is that a command is to use.

    :raises StoreError: nobody says, and there is no home directory.
    """
    return Path(options.store or default_root()).expanduser().absolute()


def store(options: argparse.Namespace) -> Store:
    """The store that a command is to use.

    :raises StoreError: it cannot be created or written.
    """
    return Store.at(root(options))


def say(line: str) -> None:
    """Show progress."""
    print(f"smolvm: {line}", file=sys.stderr, flush=True)
