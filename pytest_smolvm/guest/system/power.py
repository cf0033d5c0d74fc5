"""Turning a guest off and on again; what happened is QEMU's word, not the guest's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from pytest_smolvm.errors import GuestUnreachable, SmolVMError, TimedOut
from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.commands.shells import Transport
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline
from pytest_smolvm.machine.qmp import Monitor

_ASKING_SECONDS = stretched(60.0)
_LOOK_SECONDS = 1.0


class _Act(NamedTuple):
    """What a guest does, in words."""

    asked: str
    done: str


_ACTS = {"SHUTDOWN": _Act("power off", "powered off"), "RESET": _Act("restart", "restarted")}


def request(transport: Transport, how: str) -> None:
    """Have the guest turn itself off (``/s``) or on again (``/r``).

    :raises CommandFailed: it refuses.
    """
    # The connection may break: then it was faster than its answer. Whether it really does is seen by `wait_for_event`.
    with suppress(GuestUnreachable):
        run.run(transport, f"shutdown.exe {how} /t 0 /f", shell="cmd", timeout=_ASKING_SECONDS).check()


def wait_for_event(monitor: Monitor, event: str, since: int, timeout: float, watch: Callable[[], object]) -> None:
    """Wait until QEMU tells that the machine was turned off (``SHUTDOWN``) or reset (``RESET``), as was asked.

    :param since: what :meth:`Monitor.mark` said before it was asked; an earlier event is none that was asked for.
    :param timeout: seconds.
    :param watch: called every second; raises if the guest is gone.
    :raises TimedOut: it was not.
    :raises SmolVMError: the other thing happened.
    """
    deadline = Deadline(timeout)
    while True:
        try:
            told = monitor.wait(*_ACTS, since=since, timeout=deadline.at_most(_LOOK_SECONDS))
        except TimedOut:
            if deadline.passed:
                raise TimedOut(f"the guest was asked to {_ACTS[event].asked}", timeout) from None
            watch()
            continue
        if told["event"] == event:
            return
        raise SmolVMError(f"the guest was asked to {_ACTS[event].asked} but {_ACTS[told['event']].done}")
