"""The computer that Windows is installed on: the engine's own, with discs and spare virtio devices added."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_smolvm.host import programs
from pytest_smolvm.machine import machine
from pytest_smolvm.machine.hardware import Hardware
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.qemu import NET, Config, Disc
from pytest_smolvm.machine.rundir import RunDirectory

SYSTEM_DRIVE = "disk"
WINDOWS_DRIVE = "windows"
# The disk is worth something: QEMU is let write it out and end by itself.
_QUIT_SECONDS = 20.0
_SPARE_DISK = "64M"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What the installation gets."""

    directory: Path
    """An empty directory for logs, firmware variables and the TPM."""
    disk: Path
    """The system disk, qcow2."""
    windows: Path
    """The disc that Windows is installed from, an ISO file."""
    answers: Path
    """The disc with the answer file, drivers and scripts, an ISO file."""
    memory: int
    """MiB of RAM."""
    cpus: int
    """Virtual processors."""
    secure_boot: bool
    offline: bool
    """Unplug the network cable."""


@contextmanager
def running(wanted: Installation, hypervisor: Hypervisor) -> Iterator[Machine]:
    """Power it on for the length of the block.

    The system disk is SATA: Windows has that driver in the box, while Setup of Windows 11 24H2 was seen to refuse
    vioscsi from an answer file (kvm-guest-drivers-windows 1100). A small spare disk on virtio-scsi and a spare virtio
    network card are there so that Windows installs and starts those drivers; after that the system disk may be virtio.

    :raises BootError: QEMU did not start.
    """
    built = config(wanted, hypervisor)
    assert built.spare_disk is not None
    make_spare_disk(built.spare_disk)
    with started(built, RunDirectory(wanted.directory), offline=wanted.offline) as computer:
        yield computer


@contextmanager
def started(
    built: Config, files: RunDirectory, *, offline: bool, agent: socket.socket | None = None
) -> Iterator[Machine]:
    """Power on a computer whose disk is worth something, with fresh firmware variables, for the length of the block.

    :param offline: unplug the network cable.
    :param agent: as :func:`machine.launched` takes it.
    :raises BootError: QEMU did not start.
    """
    machine.blank_variables(built, files)
    with machine.launched(built, files, quit_patience=_QUIT_SECONDS, agent=agent) as computer:
        if offline:
            computer.monitor.execute("set_link", name=NET, up=False)
        yield computer


def make_spare_disk(path: Path) -> None:
    """A disk that is there so that Windows installs and starts the driver for it.

    :raises ToolError: qemu-img failed.
    """
    program = programs.require("qemu-img", "qemu-utils")
    programs.run("create a spare disk", [program, "create", "-q", "-f", "qcow2", path, _SPARE_DISK])


def config(wanted: Installation, hypervisor: Hypervisor) -> Config:
    """How QEMU is to be run for it."""
    hardware = Hardware(memory=wanted.memory, cpus=wanted.cpus, bus="sata", secure_boot=wanted.secure_boot)
    return replace(
        hypervisor.config(hardware, wanted.disk),
        # The disk comes before the disc in the firmware's order: empty, it is passed over; installed, it is started,
        # and the disc's "Press any key" need not be let pass at every restart.
        discs=(
            Disc(name=WINDOWS_DRIVE, path=wanted.windows, boot_index=1),
            Disc(name="answers", path=wanted.answers),
        ),
        spare_disk=wanted.directory / "spare.qcow2",
    )
