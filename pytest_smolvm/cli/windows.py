"""``pytest-smolvm windows``: golden images of Windows."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_smolvm.cli import command
from pytest_smolvm.cli.command import file, option
from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.spec import CHOICES, DEFAULT_MEMORY
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import Lines
from pytest_smolvm.host.secret import Secret
from pytest_smolvm.images.conformance.cases import ENGINES
from pytest_smolvm.images.windows.recipe import DEFAULT_USER, UAC, Recipe

if TYPE_CHECKING:
    from pytest_smolvm.cli.command import Commands
    from pytest_smolvm.guest.spec import GuestSpec
    from pytest_smolvm.images.catalog import Image

_BUILD = {
    "media": (
        file("--iso", "Windows installation ISO, 64-bit (10, 11, Server 2016 or newer)", required=True),
        file("--virtio-win-iso", "virtio-win driver ISO", required=True, dest="virtio_iso"),
        file("--openssh", "OpenSSH-Win64 .zip or .msi; the build then needs no network", metavar="PACKAGE"),
        file("--output", "golden image to make, e.g. win11.qcow2", required=True),
        option("--force", "replace an existing output", action="store_true"),
    ),
    "system": (
        option(
            "--edition",
            "edition on the ISO (default: Pro, Enterprise or Standard with desktop)",
            metavar="NAME|INDEX",
        ),
        option("--locale", "formats of dates and numbers (default: the ISO's language)", metavar="xx-YY"),
        option("--timezone", "Windows' name of the time zone (default: %(default)s)", default="UTC", metavar="NAME"),
        file("--product-key-file", "file with a product key (default: Microsoft's public setup key)"),
        option("--user", "local administrator to create (default: %(default)s)", default=DEFAULT_USER, metavar="NAME"),
        file("--password-file", "file with its password (default: the public password of test images)"),
        option(
            "--desktop",
            "for tests of windows: log the user in at every start; nothing locks the screen or comes up by itself",
            action="store_true",
        ),
        option(
            "--uac",
            "User Account Control: as Windows has it (default), without asking (silent), or none (off)",
            choices=UAC,
            default="default",
        ),
        option("--no-secure-boot", "install without Secure Boot", dest="secure_boot", action="store_false"),
        option(
            "--bypass-checks",
            "tell Setup not to look for TPM, Secure Boot, memory and size of the disk",
            action="store_true",
        ),
    ),
    "computer": (
        option("--disk-size", "size the guest sees (default: %(default)s)", type=int, default=64, metavar="GIB"),
        option("--memory", "memory during the build (default: %(default)s)", type=int, default=4096, metavar="MIB"),
        option("--cpus", "processors during the build (default: %(default)s)", type=int, default=2, metavar="N"),
    ),
    "additions": (
        file(
            "--extra-script",
            "scripts to run in the finished system; repeatable",
            nargs="+",
            action="extend",
            default=[],
            dest="extra_scripts",
        ),
        file("--bake-app", "directory to copy in; its install.ps1 or install.cmd is run", metavar="DIR"),
    ),
    "failures": (
        command.seconds("--timeout", "for the whole installation", stretched(10800.0)),
        command.seconds("--stall", "without a sign of life", stretched(1200.0)),
        option("--keep-failed", "keep the working directory of a failed build", action="store_true"),
    ),
}
_IMPORT = (
    file("source", "a disk (qcow2, raw, VHD, VHDX, VMDK, VDI), an .ova, or Vagrant's .box", metavar="FILE"),
    file("--output", "golden image to make, e.g. win.qcow2", required=True),
    option(
        "--user",
        "account that tests log in as, or that a first start is to make (default: one whose password is public)",
        metavar="NAME",
    ),
    file("--password-file", "file with its password (default: the public one)"),
    file("--openssh", "OpenSSH-Win64 .zip or .msi, for a system without an SSH server", metavar="PACKAGE"),
    file("--virtio-win-iso", "virtio-win driver ISO, for a generalized disk", dest="virtio_iso"),
    option("--bus", "devices to try (default: those that it has drivers for)", choices=CHOICES["bus"]),
    option("--firmware", "firmware to try (default: the one it was installed on)", choices=CHOICES["firmware"]),
    option("--memory", "memory of its guests (default: that of all guests)", type=int, metavar="MIB"),
    option("--cpus", "processors while it is tried (default: %(default)s)", type=int, default=2, metavar="N"),
    command.seconds("--timeout", "from power-on to a login", stretched(900.0)),
    command.seconds("--stall", "without a sign of life, at a first start", stretched(1200.0)),
    option("--force", "replace an existing output", action="store_true"),
)
_CHECK = (
    file("image", "the image", metavar="IMAGE"),
    option("--memory", f"default: the image's own, else {DEFAULT_MEMORY}", type=int, metavar="MIB"),
    option("--user", f"account in the guest (default: the image's own, else {DEFAULT_USER})", metavar="NAME"),
    file("--password-file", "file with its password (default: the image's, if it is public)"),
    file("--report", "write all that is found to this file, as JSON, for those who maintain this plugin"),
    option(
        "--engine",
        "how to run the table of scripts; repeatable (default: each of these ways)",
        choices=ENGINES,
        action="append",
    ),
)


def add_commands(commands: Commands) -> None:
    """Add the commands."""
    own = command.add_group(commands, "windows", "golden images of Windows")
    add_arguments(
        command.add(own, "build-image", "install Windows from its ISO into a golden image, unattended", _build)
    )
    text = "make a golden image of a disk that you have, and prove it"
    command.add(own, "import-image", text, _import, *_IMPORT)
    text = "tell what an image is, and try on it what tests rely on: scripts, files, ports, clones"
    command.add(own, "check-image", text, _check, *_CHECK)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of ``windows build-image``."""
    for title, options in _BUILD.items():
        group = parser.add_argument_group(title)
        for name, settings in options:
            group.add_argument(name, **settings)


def recipe_from(options: Namespace) -> Recipe:
    """The recipe that parsed options ask for.

    :raises UsageError: something in it makes no sense.
    """
    said: dict[str, Any] = {
        want.name: getattr(options, want.name) for want in fields(Recipe) if hasattr(options, want.name)
    }
    if options.product_key_file is not None:
        said["product_key"] = secret(options.product_key_file, "product key")
    if options.password_file is not None:
        said["password"] = secret(options.password_file, "password")
    said["extra_scripts"] = tuple(options.extra_scripts)
    return Recipe(**said)


def secret(path: Path, what: str) -> str:
    """The first line of a file: secrets are not given on the command line, where every process of the host sees them.

    :param what: what it is, for errors.
    :raises UsageError: the file cannot be read, or its first line is empty.
    """
    try:
        text = path.expanduser().read_text(encoding="utf-8-sig")  # Windows' own editors put a mark in front
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"the {what} file {path} cannot be read: {exc}") from exc
    first = Secret((text.splitlines() or [""])[0])
    if not first:
        raise UsageError(f"the {what} file {path} is empty: its first line is to be the {what}")
    return first


def _build(options: Namespace) -> int:
    from pytest_smolvm.images.windows.build import build

    print(build(recipe_from(options), Lines(command.say), command.store(options)))
    return 0


def _import(options: Namespace) -> int:
    from pytest_smolvm.images.windows.foreign.bring import bring
    from pytest_smolvm.images.windows.foreign.wish import Wish

    said = {want.name: getattr(options, want.name) for want in fields(Wish) if hasattr(options, want.name)}
    if options.password_file is not None:
        said["password"] = secret(options.password_file, "password")
    print(bring(Wish(**said), Lines(command.say), command.store(options)))
    return 0


def _check(options: Namespace) -> int:
    from pytest_smolvm import __version__
    from pytest_smolvm.images.catalog import Image
    from pytest_smolvm.machine import hypervisor
    from pytest_smolvm.trial import trial
    from pytest_smolvm.trial.report import Report

    image, store = Image.at(options.image.expanduser().absolute()), command.store(options)
    host = hypervisor.find(store)
    report = Report(partial(print, flush=True), trial.about(image, host, __version__))
    if options.report is not None:
        report.write(options.report)  # before anything that takes long: whether it can be
    try:
        trial.Trial(
            _tried(options, image), store, host, options.engine or ENGINES, Lines(command.say), report
        ).run()  # fmt: skip
    finally:
        report.close()
        if options.report is not None:
            report.write(options.report)
    return 0 if report.good else 1


def _tried(options: Namespace, image: Image) -> GuestSpec:
    from pytest_smolvm.guest.spec import GuestSpec

    said = {"ssh_user": options.user, "memory": options.memory}
    said = {name: value for name, value in said.items() if value is not None}
    if options.password_file is not None:
        said["ssh_password"] = secret(options.password_file, "password")
    return GuestSpec(
        **{**image.wants, **said},
        image=image.path,
    )
