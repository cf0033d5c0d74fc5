"""What a guest does before it is frozen, so that its clones have the desktop at once."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial

from pytest_smolvm.guest.commands.fallback import PowerShells
from pytest_smolvm.guest.commands.resident import Resident
from pytest_smolvm.guest.desktop import library
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.hotline import Hotline
from pytest_smolvm.guest.desktop.session import PROCESSES, DesktopSession, run_in
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.waiting import Deadline


def recipe() -> str:
    """Changes with what is left running in a guest."""
    return library.name()


def rehearse(ssh: Ssh, resident: Resident) -> str:
    """Have the library compiled, and what actions do done once with a window of its own, in each PowerShell there.

    :param resident: the guest's ordinary one.
    :returns: why not all was done; empty if it was.
    :raises NoDesktop: windows cannot be reached.
    :raises CommandFailed: it could not be compiled.
    """
    shells = PowerShells(lambda: nullcontext(ssh), resident)
    session = DesktopSession(lambda: shells)
    try:
        hotline = Hotline(lambda: nullcontext(ssh), partial(run_in, ssh, session.via(ssh)))
        said = [_held(hotline) for _ in range(PROCESSES)]
    finally:
        session.close()
    return next(filter(None, said), "")


def _held(hotline: Hotline) -> str:
    """In one PowerShell: the next time it is the turn of another."""
    try:
        return DesktopHelper(hotline).ask(Deadline(library.COMPILE_SECONDS), "rehearse", "rehearse", 0)[1]
    finally:
        hotline.forget()
