"""One QEMU with its TPM, born and buried; booted from firmware or restored from a frozen state."""

from __future__ import annotations

import os
import socket
import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import BootError, GuestDied, SmolVMError
from pytest_smolvm.host import programs
from pytest_smolvm.host.waiting import until
from pytest_smolvm.machine import disk, firmware, qemu
from pytest_smolvm.machine.hardware import Hardware
from pytest_smolvm.machine.hypervisor import Host
from pytest_smolvm.machine.qmp import Monitor
from pytest_smolvm.machine.swtpm import tpm

_QUIT_SECONDS = 3.0
# How long a guest must have little to do, and how often that is looked at.
_WATCHED_SECONDS = 3.0
_LOOKS = 6


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The files a machine runs on."""

    directory: Path
    """Its run directory: logs and the TPM's state are kept here."""
    disk: Path
    variables: Path
    memory_file: Path | None = None
    memory_private: bool = False
    restored: bool = False


class Machine:
    """A running QEMU.

    :param child: its process.
    :param monitor: its QMP monitor, greeted.
    """

    def __init__(self, child: subprocess.Popen[bytes], monitor: Monitor, parts: Parts) -> None:
        self.child = child
        self.monitor = monitor
        self.parts = parts
        self.ssh_port = qemu.ssh_port(monitor.human("info usernet"))

    @property
    def serial_log(self) -> Path:
        """What the guest wrote to its first serial port."""
        return self.parts.directory / "serial.log"

    @property
    def log_tail(self) -> str:
        """The last lines of QEMU's own output and of the guest's serial port."""
        logs = (self.parts.directory / "qemu.log", self.serial_log)
        return "\n".join(text for text in map(programs.tail, logs) if text)

    @property
    def cpu_seconds(self) -> float:
        """Processor time QEMU has used so far."""
        fields = (
            Path(f"/proc/{self.child.pid}/stat")
            .read_text(encoding="ascii", errors="replace")
            .rpartition(")")[2]
            .split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime (proc(5))

    def check(self) -> None:
        """Do nothing if the guest can still answer.

        :raises GuestDied: QEMU ended, the guest powered off or crashed, or the host's disk is full.
        """
        if self.child.poll() is not None:
            raise GuestDied(f"QEMU ended with {self.child.returncode} while the guest was in use", self.log_tail)
        state = self.monitor.execute("query-status")["status"]
        if state == "io-error":
            raise GuestDied(
                f"the guest was stopped: its disk could not be written; is the store's file system full? ({self.parts.directory})"
            )
        if state in ("shutdown", "guest-panicked", "internal-error"):
            raise GuestDied(f"the guest is gone: QEMU calls its state {state!r}", self.log_tail)


@contextmanager
def cold(
    image: Path, hardware: Hardware, host: Host, directory: Path, *, memory_file: Path | None = None
) -> Iterator[Machine]:
    """Boot a golden image from firmware on a fresh overlay.

    :param directory: an empty run directory.
    :param memory_file: where to keep RAM so that it can be frozen; None keeps it anonymous.
    """
    overlay, variables = directory / "disk.qcow2", directory / "variables.qcow2"
    disk.overlay(image, overlay)
    found = firmware.find(secure_boot=hardware.secure_boot)
    disk.overlay(found.variables, variables, backing_format=found.variables_format)
    parts = Parts(directory=directory, disk=overlay, variables=variables, memory_file=memory_file)
    with launched(hardware, host, parts) as machine:
        yield machine


@contextmanager
def launched(hardware: Hardware, host: Host, parts: Parts) -> Iterator[Machine]:
    """Run QEMU and its TPM for the length of the block.

    :raises BootError: QEMU did not start; the error has what it said.
    """
    state = parts.directory / "tpm"
    state.mkdir(mode=0o700)
    with ExitStack() as stack:
        tpm_end = stack.enter_context(tpm(state, parts.directory / "swtpm.log"))
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        stack.enter_context(theirs)
        words = qemu.command(_machine(hardware, host, parts, theirs.fileno(), tpm_end.fileno()))
        log = parts.directory / "qemu.log"
        child = stack.enter_context(programs.running(words, log=log, pass_fds=[theirs.fileno(), tpm_end.fileno()]))
        theirs.close()
        tpm_end.close()  # or swtpm would not notice when QEMU ends
        monitor = Monitor(ours)
        try:
            monitor.greet()
            machine = Machine(child, monitor, parts)
        except SmolVMError as exc:
            raise BootError("process", "QEMU did not start", programs.tail(log)) from exc
        try:
            yield machine
        finally:
            _quit(machine)


def _machine(hardware: Hardware, host: Host, parts: Parts, monitor_fd: int, tpm_fd: int) -> qemu.Machine:
    return qemu.Machine(
        binary=host.binary,
        accelerator=host.accelerator.name,
        cpu_model=host.accelerator.cpu_model,
        memory=hardware.memory,
        cpus=hardware.cpus,
        firmware=firmware.find(secure_boot=hardware.secure_boot),
        variables=parts.variables,
        disk=parts.disk,
        bus=hardware.bus,
        serial_log=parts.directory / "serial.log",
        monitor_fd=monitor_fd,
        tpm_fd=tpm_fd,
        memory_file=parts.memory_file,
        memory_private=parts.memory_private,
        restored=parts.restored,
    )


def _quit(machine: Machine) -> None:
    """The first rung of the ladder; TERM and KILL follow in `process.running`."""
    try:
        machine.monitor.execute("quit", timeout=_QUIT_SECONDS)
        machine.child.wait(_QUIT_SECONDS)
    except (SmolVMError, subprocess.TimeoutExpired):
        pass  # it is gone already, or deaf: the next rung does not ask


def settle(machines: Sequence[Machine], share: float, timeout: float) -> None:
    """Wait until guests have little to do.

    :param share: the part of a core that each may use, on average over some seconds.
    :param timeout: seconds.
    :raises TimedOut: they had more to do all the time.
    """
    used = deque([float("-inf")], _LOOKS + 1)

    def idle() -> bool:
        used.append(sum(machine.cpu_seconds for machine in machines))
        return used[-1] - used[0] < share * len(machines) * _WATCHED_SECONDS

    until("idle guests", idle, timeout=timeout, interval=_WATCHED_SECONDS / _LOOKS)
