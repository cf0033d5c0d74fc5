"""One QEMU with its TPM, born and buried; booted from firmware or restored from a frozen state."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pytest_smolvm.errors import BootError, GuestDied, HostError, MonitorError, MonitorSilent, SmolVMError, TimedOut
from pytest_smolvm.host import proc, programs
from pytest_smolvm.host.adopted import Child
from pytest_smolvm.machine import disk, qemu
from pytest_smolvm.machine.display import Display
from pytest_smolvm.machine.fence.fence import REFUSED, fenced
from pytest_smolvm.machine.hardware import Hardware
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.network import AS_THE_HOST, Network
from pytest_smolvm.machine.qmp import ANSWER_SECONDS, Monitor
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.machine.swtpm import tpm

_QUIT_SECONDS = 3.0
_NO_VARIABLES = 1 << 16


class Machine:
    """A running QEMU.

    :param child: its process.
    :param monitor: its QMP monitor, greeted.
    :param files: its run directory.
    :param hardware: what it is built of.
    """

    def __init__(self, child: Child, monitor: Monitor, files: RunDirectory, hardware: Hardware) -> None:
        self.child = child
        self.monitor = monitor
        self.files = files
        self.hardware = hardware
        self.disposable = False
        """Whether nobody will look at its disk: then it need not be asked to write that out when it ends."""
        self._home = os.getpid()
        self.ssh_port = qemu.host_port(monitor.human("info usernet"), qemu.SSH)

    @property
    def ours(self) -> bool:
        """Whether it is this process', and not that of one whose forked child this is."""
        return os.getpid() == self._home

    @property
    def display(self) -> Display:
        """Its screen, keyboard and pointer."""
        return Display(self.monitor, self.files.path)

    def forwarded(self, port: int) -> int:
        """Have a port of this host's loopback lead to a TCP port of the guest, for as long as it lives.

        :returns: the port, which the kernel chooses.
        :raises SmolVMError: QEMU does not do it.
        """
        said = self.monitor.human(f"hostfwd_add {qemu.NET} tcp:127.0.0.1:0-:{port}")
        return qemu.host_port(said + self.monitor.human("info usernet"), port)

    @property
    def log_tail(self) -> str:
        """The last lines of QEMU's own output and of the guest's serial port."""
        logs = (self.files.qemu_log, self.files.bios_log, self.files.serial_log)
        return "\n".join(text for text in map(programs.tail, logs) if text)

    @property
    def cpu_seconds(self) -> float:
        """Processor time QEMU has used so far."""
        return proc.cpu_seconds(self.child.pid)

    def end(self, patience: float = _QUIT_SECONDS) -> None:
        """Have QEMU end; whoever has started it makes sure that it does.

        :param patience: seconds that it has to write its disks out.
        """
        if not self.ours:
            return
        with suppress(SmolVMError):  # it is gone already, or deaf: what comes next does not ask
            if self.disposable:
                self.child.kill()
            else:
                self.monitor.execute("quit", timeout=patience)
            programs.await_end(self.child, patience)

    def check(self, patience: float = ANSWER_SECONDS) -> None:
        """Do nothing if the guest can still answer.

        :param patience: seconds that QEMU may take for it.
        :raises GuestDied: QEMU ended, the guest powered off or crashed, or the host's disk is full.
        :raises MonitorSilent: QEMU says nothing; no time-out, which would be taken for the caller's own.
        """
        self._check_runs()
        try:
            state = self.monitor.execute("query-status", timeout=patience)["status"]
        except TimedOut as exc:
            raise MonitorSilent(
                f"QEMU did not answer within {patience:g} s: is this host out of memory, or does the store's disk hang?"
            ) from exc
        except GuestDied:
            programs.await_end(self.child, _QUIT_SECONDS)  # its monitor is closed before it can be told how it ended
            self._check_runs()
            raise
        if state == "io-error":
            raise GuestDied(
                "the guest was stopped: its disk could not be written; "
                f"is the store's file system full? ({self.files.path})"
            )
        if state in ("shutdown", "guest-panicked", "internal-error"):
            raise GuestDied(f"the guest is gone: QEMU calls its state {state!r}", self.log_tail)

    def _check_runs(self) -> None:
        if self.ours and self.child.poll() is not None:  # a forked child is not its parent, who alone is told
            killed = "; somebody killed it, perhaps the kernel for want of memory"
            why = killed if self.child.returncode == -signal.SIGKILL else ""
            raise GuestDied(f"QEMU ended with {self.child.returncode} while the guest was in use{why}", self.log_tail)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The guest stands still in the block, with all that it has written in its files.

        :raises SmolVMError: as :meth:`Monitor.execute` does.
        """
        self.monitor.execute("stop")
        try:
            yield
        finally:
            self.monitor.execute("cont")

    @property
    def written_disk(self) -> Path:
        """The overlay that the guest writes to: its disk, or the one that :meth:`write_to` was called with last."""
        disks = (block for block in self.monitor.execute("query-block") if block["device"] == qemu.DISK)
        node: str = next(disks)["inserted"]["node-name"]
        own = node.startswith("#")  # QEMU gives such names
        return self.files.disk if own else self.files.path / f"{node}.qcow2"

    def write_to(self, overlay: Path) -> None:
        """From now on the guest writes to `overlay`, an empty one of its disk, and no more to what was its disk so far.

        :param overlay: in the run directory; what its name begins with is what QEMU calls it.
        :raises SmolVMError: as :meth:`Monitor.execute` does; then it goes on as before.
        """
        file = {"driver": "file", "filename": os.fspath(overlay)}
        self.monitor.execute(
            "blockdev-add",
            node_name=overlay.stem,
            driver="qcow2",
            file=file,
            backing=None,  # it gets one in a moment
            **qemu.DISK_OPTIONS,
        )
        try:
            self.monitor.execute("blockdev-snapshot", node=qemu.DISK, overlay=overlay.stem)
        except MonitorError:
            self.monitor.execute("blockdev-del", node_name=overlay.stem)
            raise


@contextmanager
def cold(
    image: Path,
    hardware: Hardware,
    hypervisor: Hypervisor,
    files: RunDirectory,
    *,
    network: Network = AS_THE_HOST,
    memory_file: Path | None = None,
) -> Iterator[Machine]:
    """Boot a golden image from firmware on a fresh overlay.

    :param files: an empty run directory.
    :param network: what the guest may reach.
    :param memory_file: where to keep RAM so that it can be frozen; None keeps it anonymous.
    """
    disk.overlay(image, files.disk)
    config = hypervisor.config(hardware, files.disk, memory_file=memory_file)
    blank_variables(config, files)
    with launched(config, files, network=network) as machine:
        yield machine


def blank_variables(config: qemu.Config, files: RunDirectory) -> None:
    """Give a machine the variables that its firmware begins with; a BIOS has none, and a file that is not looked at."""
    fresh = config.firmware
    if fresh is None:
        disk.empty(files.variables, _NO_VARIABLES)
        return
    disk.overlay(fresh.variables, files.variables, backing_format=fresh.variables_format)


@contextmanager
def launched(
    config: qemu.Config,
    files: RunDirectory,
    *,
    network: Network = AS_THE_HOST,
    quit_patience: float = _QUIT_SECONDS,
    agent: socket.socket | None = None,
) -> Iterator[Machine]:
    """Run QEMU and its TPM for the length of the block.

    :param network: what the guest may reach.
    :param quit_patience: seconds that QEMU has to write its disks out and to end by itself.
    :param agent: what its guest's agent is to speak on, QEMU's end, which is closed here.
    :raises BootError: QEMU does not start.
    :raises HostError: the network's rules cannot be kept here.
    """
    files.tpm.mkdir(mode=0o700)
    with ExitStack() as stack:
        tpm_end = stack.enter_context(tpm(files.tpm, files.tpm_log))
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        stack.enter_context(theirs)
        fds = {"monitor_fd": theirs.fileno(), "tpm_fd": tpm_end.fileno()}
        if agent is not None:
            fds["agent_fd"] = agent.fileno()
        around = stack.enter_context(fenced(network, files.network_log, trusted=fds.values()))
        words = (*around.words, *qemu.command(config, files, **fds))
        passed = (*around.descriptors, *fds.values())
        child = stack.enter_context(programs.running(words, log=files.qemu_log, pass_fds=passed))
        proc.end_first(child.pid)  # and not those who run the tests, whose guests would all be lost
        for end in filter(None, (theirs, tpm_end, agent)):
            end.close()  # or nobody would notice when QEMU ends
        machine = _greeted(child, ours, files, config.hardware)
        try:
            yield machine
        finally:
            machine.end(quit_patience)  # TERM and KILL follow in `programs.running`


def _greeted(child: Child, connection: socket.socket, files: RunDirectory, hardware: Hardware) -> Machine:
    try:
        monitor = Monitor(connection)
        monitor.greet()
        return Machine(child, monitor, files, hardware)
    except SmolVMError as exc:
        said = "\n".join(filter(None, map(programs.tail, (files.qemu_log, files.tpm_log))))
        if REFUSED in said:
            raise HostError(said) from exc
        raise BootError("process", "QEMU did not start", said) from exc
