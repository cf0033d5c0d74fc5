"""A guest that is to be frozen with its desktop, and where nobody is logged on: an automatic logon, for one restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from pytest_smolvm.errors import NoDesktop, TimedOut
from pytest_smolvm.guest.commands.resident import Endpoint, Resident
from pytest_smolvm.guest.desktop import logon
from pytest_smolvm.guest.desktop.library import RunInResident
from pytest_smolvm.guest.desktop.session import run_in
from pytest_smolvm.guest.link import arrival
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.guest.system import power
from pytest_smolvm.host import records
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.host.secret import Secret
from pytest_smolvm.machine.machine import Machine


def begun(booted: Machine, spec: GuestSpec, connection: Ssh, file: Path, progress: Progress) -> str | None:
    """Where nobody is logged on at the screen, have Windows restart and log the account of `spec` on.

    Connection and resident end with that; :func:`ended` is to be called with the next.

    :param file: where it was noted down where the guest's resident PowerShell listens. Without one nothing is done.
    :returns: what that takes; None if nothing was done.
    :raises NoDesktop: Windows cannot be told so, or does not restart.
    """
    if not file.exists():
        return None
    with _asking(connection, file) as run:
        if not logon.is_wanting(run):
            return None
        progress.note("nobody is logged on at the guest's screen: it restarts, with an automatic logon for this once")
        before = logon.arrange(run, Secret(arrival.password(booted, spec, connection.host_key)))
    asked = booted.monitor.mark()
    power.request(connection, "/r")
    try:
        power.wait_for_event(booted.monitor, "RESET", asked, spec.boot_timeout, booted.check)
    except TimedOut as exc:
        raise NoDesktop(f"nobody can be logged on at the guest's screen: {exc}") from exc
    return before


def ended(connection: Ssh, file: Path, before: str, progress: Progress) -> None:
    """Wait until somebody is logged on, and take back what Windows was told.

    :param before: what :func:`begun` returned.
    :raises NoDesktop: nobody was in time, or it cannot be taken back.
    """
    with _asking(connection, file) as run:
        with phase(progress, "waiting for the logon at the guest's screen"):
            logon.wait(run)
        logon.forget(run, before)


@contextmanager
def _asking(connection: Ssh, file: Path) -> Iterator[RunInResident]:
    """Runs scripts in the guest's ordinary resident.

    :raises NoDesktop: it has none.
    """
    noted = records.read(file)
    if noted is None:
        raise NoDesktop("the guest's PowerShell has not started again, so the automatic logon cannot be taken back")
    with closing(Resident(connection.tunnel, Endpoint.from_record(noted), lambda: connection.alive)) as resident:
        yield partial(run_in, connection, resident)
