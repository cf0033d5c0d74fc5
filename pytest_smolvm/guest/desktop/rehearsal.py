"""What a guest does before it is frozen, so that its clones have the desktop at once."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial

from pytest_smolvm.guest.commands.fallback import PowerShells
from pytest_smolvm.guest.commands.resident import Resident
from pytest_smolvm.guest.desktop import library, source
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.hotline import Hotline
from pytest_smolvm.guest.desktop.session import PROCESSES, DesktopSession, run_in
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.waiting import Deadline


def recipe() -> str:
    """Changes with what is left running in a guest."""
    return source.name()


def rehearse(ssh: Ssh, resident: Resident) -> str:
    """Have the library compiled, and what actions do done once in each PowerShell there, on a window of another's.

    :param resident: the guest's ordinary one.
    :returns: why not all was done; empty if it was.
    :raises NoDesktop: windows cannot be reached.
    :raises CommandFailed: it could not be compiled.
    """
    shells = PowerShells(lambda: nullcontext(ssh), resident)
    session = DesktopSession(lambda: shells)
    lines = [Hotline(lambda: nullcontext(ssh), partial(run_in, ssh, session.via(ssh))) for _ in range(PROCESSES)]
    try:
        there = [DesktopHelper(line) for line in lines]
        for each in there:
            each.prepare()  # in turn, so that each has a PowerShell of its own
        said = [_held(actor, there[number - 1]) for number, actor in enumerate(there)]
    finally:
        for line in lines:
            line.forget()
        session.close()
    return next(filter(None, said), "")


def _held(actor: DesktopHelper, stage: DesktopHelper) -> str:
    """In one PowerShell, with a window of the other's."""
    deadline = Deadline(library.COMPILE_SECONDS)
    shown, reason = stage.ask(deadline, "stage", "stage", 0)
    if reason:
        return reason
    try:
        return actor.ask(deadline, "rehearse", "rehearse", shown["window"], shown["edit"])[1]
    finally:
        stage.ask(deadline, "strike", "strike", 0)
