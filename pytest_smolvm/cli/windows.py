"""The command line's words for a recipe; the door that parses them adds these and asks for the recipe."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pytest_smolvm.errors import UsageError
from pytest_smolvm.images.windows.recipe import DEFAULT_PASSWORD, DEFAULT_USER, UAC, Recipe


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of ``windows build-image``."""
    media = parser.add_argument_group("media")
    media.add_argument(
        "--iso",
        type=Path,
        required=True,
        metavar="FILE",
        help="Windows installation ISO, 64-bit (10, 11, Server 2016 or newer)",
    )
    media.add_argument("--virtio-win-iso", type=Path, required=True, metavar="FILE", help="virtio-win driver ISO")
    media.add_argument(
        "--openssh", type=Path, metavar="PACKAGE", help="OpenSSH-Win64 .zip or .msi; the build then needs no network"
    )
    media.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="golden image to make, e.g. win11.qcow2"
    )
    media.add_argument("--force", action="store_true", help="replace an existing output")
    system = parser.add_argument_group("system")
    system.add_argument(
        "--edition", metavar="NAME|INDEX", help="edition on the ISO (default: Pro, Enterprise or Standard with desktop)"
    )
    system.add_argument("--locale", metavar="xx-YY", help="formats of dates and numbers (default: the ISO's language)")
    system.add_argument(
        "--timezone", default="UTC", metavar="NAME", help="Windows' name of the time zone (default UTC)"
    )
    system.add_argument(
        "--product-key-file",
        type=Path,
        metavar="FILE",
        help="file with a product key (default: Microsoft's public setup key)",
    )
    system.add_argument(
        "--user", default=DEFAULT_USER, metavar="NAME", help=f"local administrator to create (default {DEFAULT_USER})"
    )
    system.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="file with its password (default: the public password of test images)",
    )
    system.add_argument(
        "--desktop",
        action="store_true",
        help="for tests of windows: log the user in at every start; nothing locks the screen or comes up by itself",
    )
    system.add_argument(
        "--uac",
        choices=UAC,
        default="default",
        help="User Account Control: as Windows has it (default), without asking (silent), or none (off)",
    )
    system.add_argument(
        "--no-secure-boot", dest="secure_boot", action="store_false", help="install without Secure Boot"
    )
    system.add_argument(
        "--bypass-checks", action="store_true", help="tell Setup to skip its TPM, Secure Boot and memory checks"
    )
    machine = parser.add_argument_group("computer")
    machine.add_argument("--disk-size", type=int, default=64, metavar="GIB", help="size the guest sees (default 64)")
    machine.add_argument(
        "--memory", type=int, default=4096, metavar="MIB", help="memory during the build (default 4096)"
    )
    machine.add_argument("--cpus", type=int, default=2, metavar="N", help="processors during the build (default 2)")
    baking = parser.add_argument_group("additions")
    baking.add_argument(
        "--extra-script",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="scripts to run in the finished system; repeatable",
    )
    baking.add_argument(
        "--bake-app", type=Path, metavar="DIR", help="directory to copy in; its install.ps1 or install.cmd is run"
    )
    failing = parser.add_argument_group("failures")
    failing.add_argument(
        "--timeout", type=float, default=10800.0, metavar="SECONDS", help="for the whole installation (default 10800)"
    )
    failing.add_argument(
        "--stall", type=float, default=1200.0, metavar="SECONDS", help="without a sign of life (default 1200)"
    )
    failing.add_argument("--keep-failed", action="store_true", help="keep the working directory of a failed build")


def recipe_from(arguments: Namespace) -> Recipe:
    """The recipe that parsed arguments ask for.

    :raises UsageError: something in it makes no sense.
    """
    return Recipe(
        iso=arguments.iso,
        virtio_iso=arguments.virtio_win_iso,
        output=arguments.output,
        edition=arguments.edition,
        locale=arguments.locale,
        timezone=arguments.timezone,
        product_key=None if arguments.product_key_file is None else secret(arguments.product_key_file, "product key"),
        user=arguments.user,
        password=DEFAULT_PASSWORD if arguments.password_file is None else secret(arguments.password_file, "password"),
        disk_size=arguments.disk_size,
        memory=arguments.memory,
        cpus=arguments.cpus,
        openssh=arguments.openssh,
        extra_scripts=tuple(arguments.extra_script),
        bake_app=arguments.bake_app,
        timeout=arguments.timeout,
        stall=arguments.stall,
        secure_boot=arguments.secure_boot,
        bypass_checks=arguments.bypass_checks,
        desktop=arguments.desktop,
        uac=arguments.uac,
        keep_failed=arguments.keep_failed,
        force=arguments.force,
    )


def secret(path: Path, what: str) -> str:
    """The first line of a file: secrets are not given on the command line, where every process of the host sees them.

    :param what: what it is, for errors.
    :raises UsageError: the file cannot be read, or its first line is empty.
    """
    try:
        text = path.expanduser().read_text(encoding="utf-8-sig")  # Windows' own editors put a mark in front
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"the {what} file {path} cannot be read: {exc}") from exc
    first = (text.splitlines() or [""])[0]
    if not first:
        raise UsageError(f"the {what} file {path} is empty: its first line is to be the {what}")
    return first
