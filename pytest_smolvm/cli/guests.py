"""``pytest-smolvm run``, ``attach``, ``guests`` and ``stop``: somebody uses a guest by hand."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pytest_smolvm.cli import command
from pytest_smolvm.cli.command import option
from pytest_smolvm.errors import UsageError
from pytest_smolvm.host.progress import Lines, nothing
from pytest_smolvm.host.secret import Secret
from pytest_smolvm.host.waiting import PATIENCE

if TYPE_CHECKING:
    from pytest_smolvm.cli.command import Commands
    from pytest_smolvm.guest.link.ssh import Ssh
    from pytest_smolvm.guest.spec import GuestSpec
    from pytest_smolvm.host.store import Store
    from pytest_smolvm.images.inventory import Entry
    from pytest_smolvm.pool.holding import HeldGuest
    from pytest_smolvm.pool.pool import Pool
    from pytest_smolvm.pool.starting import RunningGuest
    from pytest_smolvm.pool.templates import Template

WITH_LINE = ("run", "attach")
"""The commands behind which, and ``--``, stands the line of another."""
_PASSWORD = "SMOLVM_SSH_PASSWORD"
_LAST_CODE = 255


def add_commands(commands: Commands) -> None:
    """Add the commands."""
    vnc = option("--vnc", "show its screen, too: says how to reach it by VNC on this host", action="store_true")
    for one in (
        command.add(
            commands,
            "run",
            "start a guest, for a shell on this terminal or one command, and throw it away",
            _run,
            option("--image", "golden image: its file, or 'practice' (default: $SMOLVM_IMAGE)", metavar="IMAGE"),
            vnc,
        ),
        command.add(
            commands,
            "attach",
            "go on with a guest that --smolvm-keep has kept, or with a layer: each time as it was then; or enter one"
            " that a debugger holds",
            _attach,
            option("name", "which: as `guests` or `images` lists it", metavar="NAME"),
            vnc,
        ),
    ):
        one.usage = f"{one.format_usage().removeprefix('usage: ').rstrip()} [-- COMMAND ...]"
        one.epilog = (
            "Behind -- stands a command line for the guest's cmd.exe; its exit code is this command's. The account's"
            f" password is taken from the variable {_PASSWORD}, else from what is known of the image."
        )
        one.set_defaults(line=[])
    command.add(
        commands, "guests", "list the guests that --smolvm-keep has kept, and those that a debugger holds", _guests
    )
    command.add(
        commands,
        "stop",
        "be done with guests that --smolvm-keep has kept: they go",
        _stop,
        option("names", "which, as `guests` lists them", metavar="NAME", nargs="+"),
    )


def _run(options: Namespace) -> int:
    from pytest_smolvm.guest.spec import GuestSpec
    from pytest_smolvm.images.catalog import Image

    line, store = _line(options), command.store(options)
    image = Image.at(_image(options.image or os.environ.get("SMOLVM_IMAGE", ""), store))
    said = {"ssh_password": Secret(os.environ[_PASSWORD])} if os.environ.get(_PASSWORD) else {}
    spec = GuestSpec(image=image.path).having(**{**image.wants, **said})

    def template(pool: Pool) -> Template | None:
        from pytest_smolvm.pool import starting, templates

        starting.prepare(spec, pool.site)
        return templates.find(store, templates.key(spec, pool.hypervisor))  # none where guests cannot be cloned

    return _enter(store, spec, template, line, vnc=options.vnc)


def _attach(options: Namespace) -> int:
    from pytest_smolvm.images import inventory
    from pytest_smolvm.pool import holding, keeping

    line, store = _line(options), command.store(options)
    for guest in holding.held(store):
        if guest.name == options.name:
            return _enter_held(guest, _password(guest.image), line, vnc=options.vnc)
    template = inventory.frozen(store, options.name)
    spec = keeping.spec_of(template, _password(template.record["image"]))
    return _enter(store, spec, lambda _: template, line, vnc=options.vnc)


def _password(image: str) -> Secret:
    """The password of the account in guests of an image."""
    from pytest_smolvm.images.catalog import Image

    return Secret(os.environ.get(_PASSWORD) or Image.at(Path(image)).wants.get("ssh_password") or "smolvm")


def _guests(options: Namespace) -> int:
    from pytest_smolvm.pool import holding

    store = command.store(options)
    for guest in holding.held(store):
        print(f"{guest.name}  held by a debugger  {guest.ssh}")
    for entry in _kept(store):
        print(f"{entry.layer}  {entry.size / 2**20:.0f} MiB  {entry.age / 3600:.1f} h  {entry.name}")
    return 0


def _stop(options: Namespace) -> int:
    from pytest_smolvm.images import inventory

    store = command.store(options)
    keys = {name: entry.name for entry in _kept(store) for name in (entry.layer, entry.name)}
    if unknown := [name for name in options.names if name not in keys]:
        raise UsageError(f"no guest called {unknown[0]} was kept; pytest-smolvm guests lists those that were")
    for entry in inventory.discard(store, {keys[name] for name in options.names}):
        print(f"removed {entry} ({entry.size / 2**20:.0f} MiB)")
    return 0


def _kept(store: Store) -> list[Entry]:
    from pytest_smolvm.images import inventory

    return [entry for entry in inventory.entries(store) if entry.kind == "guest"]


def _line(options: Namespace) -> str:
    """The command line for cmd.exe, empty for a shell.

    :raises UsageError: a shell is wanted, and there is no terminal for it.
    """
    words: Sequence[str] = options.line
    if not words and not sys.stdin.isatty():
        raise UsageError("a shell takes a terminal as standard input; or give a command: -- ver")
    return " ".join(words)


def _image(said: str, store: Store) -> Path:
    from pytest_smolvm.images.practice.build import practice_image

    if not said:
        raise UsageError("no image is named: --image FILE, --image practice, or the variable SMOLVM_IMAGE")
    if said == "practice":
        return practice_image(store, Lines(command.say))
    return Path(said).expanduser().absolute()


def _enter(store: Store, spec: GuestSpec, template: Callable[[Pool], Template | None], line: str, *, vnc: bool) -> int:
    """Have a guest for as long as somebody uses it.

    :param template: what it is to be, with the pool to make it in; None is booted.
    :returns: the exit status.
    """
    from pytest_smolvm.machine import hypervisor
    from pytest_smolvm.pool.pool import Pool

    store.reap()
    pool = Pool(store, hypervisor.find(store), Lines(command.say))
    begins = template(pool)
    shown = Pool(store, replace(pool.hypervisor, vnc=vnc), Lines(command.say))
    (place,) = shown.reserve(spec)
    try:
        with place.guest(begins) as guest, _connected(guest, spec) as ssh:
            _introduce(guest, spec, vnc=vnc)
            return _used(ssh, line)
    finally:
        place.release()
        shown.close()
        pool.close()


def _enter_held(guest: HeldGuest, password: Secret, line: str, *, vnc: bool) -> int:
    """Be in a guest beside the test that has it; it goes on as that leaves it, and as we do.

    :returns: the exit status.
    """
    from pytest_smolvm.guest.link.login import Account, wait_for_login

    if vnc:
        command.say(f"VNC: {guest.screen}" if guest.screen else "its screen is not shown: the run has no --pdb")
    account = Account(guest.port, guest.user, password, nothing)
    with closing(wait_for_login(account, timeout=PATIENCE)) as ssh:
        return _used(ssh, line)


@contextmanager
def _connected(guest: RunningGuest, spec: GuestSpec) -> Iterator[Ssh]:
    from pytest_smolvm.guest.link.arrival import login

    if guest.ssh is not None:
        yield guest.ssh
        return
    with closing(login(guest.machine, spec, spec.boot_timeout)) as ssh:
        yield ssh


def _introduce(guest: RunningGuest, spec: GuestSpec, *, vnc: bool) -> None:
    """Say how else it can be reached while it is there."""
    from pytest_smolvm.pool.holding import way_in

    way = way_in(guest.machine, spec, "", vnc=vnc)
    command.say(way.ssh)
    if vnc:
        command.say(f"VNC: {way.screen}")


def _used(ssh: Ssh, line: str) -> int:
    from pytest_smolvm.guest.link.terminal import interact

    if not line:
        return _status(interact(ssh))
    out, err = partial(_show, sys.stdout.buffer), partial(_show, sys.stderr.buffer)
    return _status(ssh.execute(line, on_stdout=out, on_stderr=err))


def _show(stream: BinaryIO, data: bytes) -> None:
    stream.write(data)
    stream.flush()


def _status(code: int) -> int:
    """An exit status of this host for one of Windows', which has 32 bits."""
    return min(code, _LAST_CODE)
