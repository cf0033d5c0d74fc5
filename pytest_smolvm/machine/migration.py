"""A machine's devices, frozen to a file and loaded again; its RAM is in a file of its own that both sides map."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_smolvm.errors import MigrationFailed
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.machine.qmp import Monitor

_SAVE_SECONDS = stretched(120.0)
_RESTORE_SECONDS = stretched(60.0)
# What may follow a state, and describes it to people: QEMU waits for one (QEMU_VM_VMDESCRIPTION). This one is empty.
_NO_DESCRIPTION = b"\x06" + bytes(4)
# What QEMU calls the connection over which a state goes.
_STREAM = "state"
_URI = f"fd:{_STREAM}"


def freeze(monitor: Monitor, state: Path) -> None:
    """Stop the machine and write its devices' state to the file `state`.

    :raises MigrationFailed: it could not be written to its end.
    :raises MonitorError: QEMU refuses.
    :raises TimedOut: it takes too long.
    :raises GuestDied: QEMU ended.
    """
    monitor.execute("stop")
    _leave_ram_out(monitor)
    with _stream(monitor, lambda stream: _write(stream, state)):
        monitor.execute("migrate", uri=_URI)
        _await_end(monitor, _SAVE_SECONDS)


def save(monitor: Monitor, state: Path) -> None:
    """Write the devices' state of a machine that stands still to the file `state`; the machine can go on afterwards.

    A migration cannot do that: RAM that is mapped privately would go with it, all of it.

    :param state: must not be there yet; QEMU makes it.
    :raises MonitorError: QEMU refuses, or cannot write.
    :raises TimedOut: it takes too long.
    :raises GuestDied: QEMU ended.
    """
    # Nothing in it is Xen's. It has been there since QEMU 1.1, and replication (COLO) saves devices in the same way.
    monitor.execute("xen-save-devices-state", filename=os.fspath(state), live=False, timeout=_SAVE_SECONDS)
    with open(state, "ab") as stream:
        stream.write(_NO_DESCRIPTION)


def load(monitor: Monitor, state: Path, before_it_goes_on: Callable[[], object] = nothing) -> None:
    """Bring a machine that waits for it into the state in which another was frozen, and let it go on.

    :param before_it_goes_on: called once its devices are where they were.
    :raises MigrationFailed: the state is damaged, or not this machine's.
    :raises MonitorError: QEMU refuses.
    :raises TimedOut: it takes too long.
    :raises GuestDied: QEMU ended.
    """
    _leave_ram_out(monitor)
    with _stream(monitor, lambda stream: _read(stream, state)):
        monitor.execute("stop")  # it wakes as it was frozen, which may be running
        monitor.execute("migrate-incoming", uri=_URI)
        _await_end(monitor, _RESTORE_SECONDS)
    before_it_goes_on()
    monitor.execute("cont")


@contextmanager
def _stream(monitor: Monitor, carry: Callable[[socket.socket], object]) -> Iterator[None]:
    """A connection to QEMU whose other end `carry` serves beside the block; after the block it has done so.

    QEMU itself opens no file for it, which its sandbox need not allow, and starts no program. Newer ones take no plain
    file for ``fd:`` (QEMU 9.1, docs/about/deprecated.rst).
    """
    ours, theirs = socket.socketpair()
    with ours, ThreadPoolExecutor(1) as beside:
        with theirs:
            monitor.hand_over(theirs, _STREAM)
        carried = beside.submit(carry, ours)
        try:
            yield
        except BaseException:
            with suppress(OSError):
                ours.shutdown(socket.SHUT_RDWR)  # QEMU may have it still, and nothing more will come
            raise
        carried.result()


def _write(stream: socket.socket, state: Path) -> None:
    with stream.makefile("rb") as source, open(state, "wb") as target:
        shutil.copyfileobj(source, target)


def _read(stream: socket.socket, state: Path) -> None:
    with open(state, "rb") as source, suppress(BrokenPipeError, ConnectionResetError):  # QEMU says what it misliked
        stream.sendfile(source)


def _leave_ram_out(monitor: Monitor) -> None:
    # QEMU's vm-templating: x-ignore-shared leaves out RAM that is in a shared file.
    wanted = [{"capability": name, "state": True} for name in ("x-ignore-shared", "events")]
    monitor.execute("migrate-set-capabilities", capabilities=wanted)


def _await_end(monitor: Monitor, timeout: float) -> None:
    while True:
        status = monitor.wait("MIGRATION", timeout=timeout)["data"]["status"]
        if status == "completed":
            return
        if status == "failed":
            why = monitor.execute("query-migrate").get("error-desc", "it failed, and QEMU does not say why")
            raise MigrationFailed("migrate", why)
