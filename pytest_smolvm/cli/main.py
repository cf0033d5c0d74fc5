"""The command line door: ``pytest-smolvm``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_smolvm.cli import doctor, guests, practice, snapshot, store, windows
from pytest_smolvm.errors import SmolVMError, StoreError, UsageError
from pytest_smolvm.host import patience
from pytest_smolvm.host.store import default_root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    options = _parsed(sys.argv[1:] if arguments is None else arguments)
    try:
        patience.scale()  # says so if what is set is no number
        code: int = options.run(options)
        return code
    except UsageError as exc:
        print(f"pytest-smolvm: {exc}", file=sys.stderr)
        return 2
    except SmolVMError as exc:
        print(f"pytest-smolvm: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\npytest-smolvm: interrupted; nothing half-made was left", file=sys.stderr)
        return 130


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; of a command that takes another's line behind ``--``, with the words of that in `line`."""
    words, parser = list(arguments), _parser()
    end = words.index("--") if "--" in words else len(words)
    if end < len(words) and {*guests.WITH_LINE}.isdisjoint(words[:end]):
        return parser.parse_args(words)
    options = parser.parse_args(words[:end])
    if words[end + 1 :]:
        options.line = words[end + 1 :]
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pytest-smolvm", description="Prepare Windows guests for tests on this Linux host."
    )
    parser.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="the store (default: $SMOLVM_STORE, else $SMOLVM_HOME, else smolvm in the user's cache; "
        f"at the moment {_default_store()})",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for folder in (practice, windows, guests, store, snapshot, doctor):
        folder.add_commands(commands)
    return parser


def _default_store() -> str:
    try:
        return str(default_root()).replace("%", "%%")
    except StoreError:
        return "none: there is no home directory"


if __name__ == "__main__":
    sys.exit(main())
