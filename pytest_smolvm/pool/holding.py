"""Held guests: they live in a test run that stands in a debugger, and somebody may enter them meanwhile."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import records
from pytest_smolvm.host.liveness import owner_of
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory

_VNC_BYTES = 4  # eight digits, which is all of a password that VNC takes


@dataclass(frozen=True)
class HeldGuest:
    """How one is entered."""

    name: str
    image: str
    """The path of its golden image."""
    user: str
    port: int
    """Of its SSH server, on this host's loopback."""
    screen: str = field(repr=False)
    """Where its screen is shown by VNC, and to which password; empty: nowhere."""

    @property
    def ssh(self) -> str:
        """A command line that enters it."""
        return f"ssh -p {self.port} {self.user}@127.0.0.1"


_NOTED = {field.name for field in fields(HeldGuest)}


def way_in(machine: Machine, spec: GuestSpec, name: str, *, vnc: bool) -> HeldGuest:
    """How a guest is entered.

    :param vnc: show its screen, too; the machine has to be one that can.
    """
    screen = ""
    if vnc:
        password = secrets.token_hex(_VNC_BYTES)
        screen = f"127.0.0.1:{machine.display.serve(password)}, password {password}"
    return HeldGuest(name, os.fspath(spec.image), spec.ssh_user, machine.ssh_port, screen)


def hold(machine: Machine, spec: GuestSpec, name: str, *, vnc: bool) -> HeldGuest:
    """Note how a guest is entered, for :func:`held`, until it ends or is released.

    :param name: what it is called there.
    :param vnc: as :func:`way_in` has it.
    :raises SmolVMError: it has ended.
    """
    machine.check()
    guest = way_in(machine, spec, name, vnc=vnc)
    records.write(machine.files.held, asdict(guest), mode=0o600)
    return guest


def release(files: RunDirectory) -> None:
    """Nobody is to enter a machine any more."""
    files.held.unlink(missing_ok=True)


def held(store: Store) -> Iterator[HeldGuest]:
    """Those that are held by processes that live."""
    for directory in store.runs.iterdir():
        owner = owner_of(directory)
        if owner is not None and store.owners.alive(owner):
            noted = records.read(RunDirectory(directory).held)
            if noted is not None and noted.keys() == _NOTED:  # else another version of this package holds it
                yield HeldGuest(**noted)
