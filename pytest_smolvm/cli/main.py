"""The command line door: ``pytest-smolvm``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_smolvm.errors import SmolVMError, UsageError
from pytest_smolvm.guest.spec import DEFAULT_MEMORY
from pytest_smolvm.host.progress import Lines
from pytest_smolvm.host.store import default_root
from pytest_smolvm.images.conformance.cases import ENGINES

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pytest-smolvm", description="Prepare Windows guests for tests on this Linux host."
    )
    parser.add_argument(
        "--store",
        type=Path,
        default=default_root(),
        metavar="DIR",
        help="the store (default: $SMOLVM_STORE, else $SMOLVM_HOME, else smolvm in the user's cache; at the moment %(default)s)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_practice(commands)
    _add_windows(commands)
    images = _add_plain(
        commands, "images", "list images and templates: size, age, who uses them, what they were made of", _images
    )
    images.add_argument("image", type=Path, nargs="*", metavar="IMAGE", help="also this one, which is not in the store")
    _add_plain(commands, "doctor", "say what this host can do and how to fix what it cannot", _doctor)
    prune = _add_plain(commands, "prune", "remove what dead runs left and what nobody used for a while", _prune)
    prune.add_argument(
        "--older-than",
        type=_duration,
        default=_duration("7d"),
        metavar="TIME",
        help="unused for so long, e.g. 12h or 30d (default: 7d)",
    )
    prune.add_argument("--all", action="store_true", help="everything that is not in use now")
    return parser


def _add_plain(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, run: object
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    _finish(command, run)
    return command


def _finish(command: argparse.ArgumentParser, run: object) -> None:
    """What every command has; the store may be named behind it as well as before it."""
    command.set_defaults(run=run)
    command.add_argument("--store", type=Path, default=argparse.SUPPRESS, metavar="DIR", help="the store")


def _add_practice(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    practice = commands.add_parser("practice", help="the practice image: a stand-in for Windows that anyone may build")
    build = practice.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "build", help="build it from Debian's packages"
    )
    build.add_argument(
        "--powershell",
        type=Path,
        metavar="ARCHIVE",
        help="use this official PowerShell win-x64 archive instead of our host",
    )
    build.add_argument(
        "--output", type=Path, metavar="FILE", help="where to put it (default: the store, as image 'practice')"
    )
    build.add_argument("--mirror", metavar="URL", help="Debian mirror (default: the host's, or mmdebstrap's)")
    _finish(build, _practice_build)


def _add_windows(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from pytest_smolvm.cli.windows import add_arguments

    windows = commands.add_parser("windows", help="golden images of Windows").add_subparsers(
        required=True, metavar="COMMAND"
    )
    build = windows.add_parser("build-image", help="install Windows from its ISO into a golden image, unattended")
    add_arguments(build)
    _finish(build, _windows_build)
    check = windows.add_parser("check-image", help="boot an image and show where it differs from what tests rely on")
    check.add_argument("image", type=Path, metavar="IMAGE")
    check.add_argument("--memory", type=int, default=DEFAULT_MEMORY, metavar="MIB", help="default: %(default)s")
    check.add_argument("--user", default="smolvm", metavar="NAME", help="account in the guest (default: %(default)s)")
    check.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="file with its password (default: the public one of test images)",
    )
    check.add_argument(
        "--engine",
        choices=ENGINES,
        action="append",
        help="how to run the table of scripts; repeatable (default: each of these ways)",
    )
    _finish(check, _windows_check)


def _windows_build(options: argparse.Namespace) -> int:
    from pytest_smolvm.cli.windows import recipe_from
    from pytest_smolvm.host.store import Store
    from pytest_smolvm.images import windows as builder

    print(builder.build(recipe_from(options), Lines(_say), Store.at(options.store)))
    return 0


def _windows_check(options: argparse.Namespace) -> int:
    from pytest_smolvm.cli.windows import secret
    from pytest_smolvm.guest.spec import GuestSpec
    from pytest_smolvm.host.store import Store
    from pytest_smolvm.images import windows as builder

    password = secret(options.password_file, "password") if options.password_file else "smolvm"
    spec = GuestSpec(
        image=options.image.absolute(), ssh_user=options.user, ssh_password=password, memory=options.memory, boot="cold"
    )
    outcomes = builder.check(
        options.image.absolute(), spec, Lines(_say), Store.at(options.store), options.engine or ENGINES
    )
    for outcome in outcomes:
        print(outcome)
    return 0 if all(outcome.good for outcome in outcomes) else 1


def _practice_build(options: argparse.Namespace) -> int:
    from pytest_smolvm.host.store import Store
    from pytest_smolvm.images.practice import build as practice
    from pytest_smolvm.images.practice.build import practice_image

    store = Store.at(options.store)
    recipe = practice.Recipe(powershell=options.powershell, mirror=options.mirror)
    path = practice_image(store, Lines(_say), recipe, options.output)
    print(path)
    return 0


def _images(options: argparse.Namespace) -> int:
    from pytest_smolvm.host.store import Store
    from pytest_smolvm.images import inventory

    for entry in inventory.entries(Store.at(options.store), options.image):
        users = f"used by {', '.join(map(str, entry.users))}" if entry.users else "not in use"
        print(
            f"{entry.kind:9} {entry.name:40} {entry.size / 2**20:8.0f} MiB  {entry.age / 86400:5.1f} d  {users}  {entry.detail}"
        )
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from pytest_smolvm.cli import doctor

    findings = list(doctor.examine(options.store.expanduser()))
    for finding in findings:
        print(f"{'ok ' if finding.good else 'NOT'}  {finding.what}: {finding.said}")
    return 0 if all(finding.good for finding in findings) else 1


def _prune(options: argparse.Namespace) -> int:
    from pytest_smolvm.host.store import Store
    from pytest_smolvm.images import inventory

    removed = inventory.prune(Store.at(options.store), 0.0 if options.all else options.older_than, Lines(_say))
    for entry in removed:
        print(f"removed {entry.kind} {entry.name} ({entry.size / 2**20:.0f} MiB)")
    print(f"{len(removed)} removed, {sum(entry.size for entry in removed) / 2**20:.0f} MiB")
    return 0


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d+)([smhdw])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 30m, 12h, 7d")
    return float(found.group(1)) * _UNITS[found.group(2)]


def _say(line: str) -> None:
    print(f"smolvm: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
