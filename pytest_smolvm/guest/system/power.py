"""Turning a guest off and on again; what happened is QEMU's word, not the guest's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from pytest_smolvm.errors import GuestUnreachable, SmolVMError, TimedOut
from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.commands.run import Transport
from pytest_smolvm.host.waiting import Deadline
from pytest_smolvm.machine.qmp import Reply, at

_ASKING_SECONDS = 60.0
_LOOK_SECONDS = 1.0


class Monitor(Protocol):
    """QEMU's monitor; `qmp.Monitor` is one."""

    def wait(self, *names: str, timeout: float) -> Reply:
        """The next event of one of these names."""


def ask(transport: Transport, how: str) -> float:
    """Have the guest turn itself off (``/s``) or on again (``/r``).

    :returns: when it was asked, in seconds since 1970.
    :raises CommandFailed: it refuses.
    """
    asked = time.time()
    try:
        run.run(transport, f"shutdown.exe {how} /t 0 /f", shell="cmd", timeout=_ASKING_SECONDS).check()
    except GuestUnreachable:
        pass  # it was faster than its answer; whether it really does is seen by `happened`
    return asked


def happened(monitor: Monitor, event: str, since: float, timeout: float, watch: Callable[[], object]) -> None:
    """Wait until QEMU tells that the machine was turned off (``SHUTDOWN``) or reset (``RESET``).

    :param since: seconds since 1970; an earlier event is none that was asked for.
    :param watch: called every second; raises if the guest is gone.
    :raises TimedOut: it was not.
    """
    deadline = Deadline(timeout)
    while True:
        try:
            told = monitor.wait("SHUTDOWN", "RESET", timeout=deadline.at_most(_LOOK_SECONDS))
        except TimedOut:
            if deadline.passed:
                raise TimedOut(
                    f"QEMU's event {event}, which a guest causes that does as it was asked", timeout
                ) from None
            watch()
            continue
        if at(told) < since:
            continue
        if told["event"] == event:
            return
        raise SmolVMError(f"the guest was to cause QEMU's event {event} and caused {told['event']}: {told.get('data')}")
