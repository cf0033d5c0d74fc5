"""A machine's devices, frozen to a file and loaded again; its RAM is in a file of its own that both sides map."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from pytest_smolvm.errors import MigrationFailed
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.machine.qmp import Monitor

_SAVE_SECONDS = stretched(120.0)
_RESTORE_SECONDS = stretched(60.0)


def freeze(monitor: Monitor, state: Path) -> None:
    """Stop the machine and write its devices' state to the file `state`.

    :raises MigrationFailed: it could not be written to its end.
    :raises MonitorError: QEMU refuses.
    :raises TimedOut: it takes too long.
    :raises GuestDied: QEMU ended.
    """
    monitor.execute("stop")
    _leave_ram_out(monitor)
    monitor.execute("migrate", uri=f"exec:cat > {shlex.quote(os.fspath(state))}")
    _await_end(monitor, _SAVE_SECONDS)


def load(monitor: Monitor, state: Path) -> None:
    """Bring a machine that waits for it into the state in which another was frozen, and let it go on.

    :raises MigrationFailed: the state is damaged, or not this machine's.
    :raises MonitorError: QEMU refuses.
    :raises TimedOut: it takes too long.
    :raises GuestDied: QEMU ended.
    """
    _leave_ram_out(monitor)
    monitor.execute("migrate-incoming", uri=f"exec:cat {shlex.quote(os.fspath(state))}")
    _await_end(monitor, _RESTORE_SECONDS)
    monitor.execute("cont")  # it was frozen paused, and wakes so


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
