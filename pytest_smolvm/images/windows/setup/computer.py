"""The computer that Windows is installed on: the engine's own, with discs and spare virtio devices added."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import BootError, SmolVMError
from pytest_smolvm.host import programs
from pytest_smolvm.machine import disk, firmware, qemu
from pytest_smolvm.machine.hypervisor import Host
from pytest_smolvm.machine.machine import Machine, Parts
from pytest_smolvm.machine.qmp import Monitor
from pytest_smolvm.machine.swtpm import tpm

SYSTEM_DRIVE = "disk"
WINDOWS_DRIVE = "windows"
_QUIT_SECONDS = 20.0
_SPARE_DISK = "64M"


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What the installation gets."""

    directory: Path
    """An empty directory for logs, firmware variables and the TPM."""
    disk: Path
    """The system disk, qcow2."""
    windows: Path
    answers: Path
    memory: int
    cpus: int
    secure_boot: bool
    offline: bool
    """Unplug the network cable."""


@contextmanager
def running(hardware: Hardware, host: Host) -> Iterator[Machine]:
    """Power it on for the length of the block.

    The system disk is SATA: Windows has that driver in the box, while Setup of Windows 11 24H2 was seen to refuse
    vioscsi from an answer file (kvm-guest-drivers-windows 1100). A small spare disk on virtio-scsi and a spare virtio
    network card are there so that Windows installs and starts those drivers; after that the system disk may be virtio.

    :raises BootError: QEMU did not start.
    """
    found = firmware.find(secure_boot=hardware.secure_boot)
    variables, spare = hardware.directory / "variables.qcow2", hardware.directory / "spare.qcow2"
    disk.overlay(found.variables, variables, backing_format=found.variables_format)
    programs.run(
        "create a spare disk",
        [programs.require("qemu-img", "qemu-utils"), "create", "-q", "-f", "qcow2", spare, _SPARE_DISK],
    )
    (hardware.directory / "tpm").mkdir(mode=0o700)
    log = hardware.directory / "qemu.log"
    with ExitStack() as stack:
        tpm_end = stack.enter_context(tpm(hardware.directory / "tpm", hardware.directory / "swtpm.log"))
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        stack.enter_context(theirs)
        words = qemu.command(_machine(hardware, host, found, theirs.fileno(), tpm_end.fileno())) + _additions(
            hardware, spare
        )
        child = stack.enter_context(programs.running(words, log=log, pass_fds=[theirs.fileno(), tpm_end.fileno()]))
        theirs.close()
        tpm_end.close()  # or swtpm would not notice when QEMU ends
        monitor = Monitor(ours)
        try:
            monitor.greet()
            if hardware.offline:
                monitor.execute("set_link", name="net", up=False)
            machine = Machine(
                child, monitor, Parts(directory=hardware.directory, disk=hardware.disk, variables=variables)
            )
        except SmolVMError as exc:
            raise BootError("process", "QEMU did not start", programs.tail(log)) from exc
        yield machine
        # The disk is worth something: let QEMU write it out and end by itself; the next rungs are TERM and KILL.
        with suppress(SmolVMError, subprocess.TimeoutExpired):
            monitor.execute("quit", timeout=_QUIT_SECONDS)
            child.wait(_QUIT_SECONDS)


def _machine(hardware: Hardware, host: Host, found: firmware.Firmware, monitor_fd: int, tpm_fd: int) -> qemu.Machine:
    return qemu.Machine(
        binary=host.binary,
        accelerator=host.accelerator.name,
        cpu_model=host.accelerator.cpu_model,
        memory=hardware.memory,
        cpus=hardware.cpus,
        firmware=found,
        variables=hardware.directory / "variables.qcow2",
        disk=hardware.disk,
        bus="sata",
        serial_log=hardware.directory / "serial.log",
        monitor_fd=monitor_fd,
        tpm_fd=tpm_fd,
    )


def _additions(hardware: Hardware, spare: Path) -> list[str]:
    # The disk comes before the disc in the firmware's order: empty, it is passed over; installed, it is started,
    # and the disc's "Press any key" need not be let pass at every restart.
    words = _disc(WINDOWS_DRIVE, hardware.windows, 1, ",bootindex=1") + _disc("answers", hardware.answers, 2, "")
    words += ["-drive", f"id=spare,if=none,format=qcow2,file={_escaped(spare)}"]
    words += ["-device", "virtio-scsi-pci,id=scsi", "-device", "scsi-hd,drive=spare,bus=scsi.0"]
    return [*words, "-netdev", "user,id=sparenet,restrict=on", "-device", "virtio-net-pci,netdev=sparenet,romfile="]


def _disc(name: str, path: Path, port: int, order: str) -> list[str]:
    drive = f"id={name},if=none,media=cdrom,readonly=on,format=raw,file={_escaped(path)}"
    return ["-drive", drive, "-device", f"ide-cd,drive={name},bus=ide.{port}{order}"]


def _escaped(path: Path) -> str:
    return os.fspath(path).replace(",", ",,")
