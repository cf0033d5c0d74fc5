"""What a guest does before it is frozen, and on waking."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from pytest_smolvm.errors import CommandFailed, DesktopError, NoDesktop, ResidentLost, TimedOut
from pytest_smolvm.guest.commands import powershell, surroundings
from pytest_smolvm.guest.commands.resident import Endpoint, Resident, start
from pytest_smolvm.guest.desktop.rehearsal import rehearse
from pytest_smolvm.guest.link.arrival import login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import records
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import Progress
from pytest_smolvm.host.waiting import until
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.pool import logon

# Names what `warmed` does; part of a template's key.
_WARMING = "warm 9"
_WARM_CALLS = 3
# A system goes on starting things after it lets one in. What is frozen in the middle of that, every clone continues.
_IDLE_SHARE = 0.08
_SETTLE_SECONDS = stretched(120.0)
# How long a guest must have little to do, and how often that is looked at.
_WATCHED_SECONDS = 3.0
_LOOKS = 6


def recipe() -> str:
    """Changes when guests are warmed in another way, or other scripts of ours are left running in them."""
    return f"{_WARMING} {powershell.digest()}"


@contextmanager
def warmed(booted: Machine, spec: GuestSpec, file: Path, progress: Progress) -> Iterator[bytes]:
    """A guest that has just been started is, for the length of the block, in the state that is to be frozen.

    Gives its SSH server's public key.

    :param file: where to note down where its resident PowerShell listens; there is none if that does not start.
    :raises BootError: it does not come up.
    :raises LoginError: it refuses user or password.
    :raises NoDesktop: its desktop is wanted, and cannot be reached.
    """
    with ExitStack() as life:
        connection = life.enter_context(_entered(booted, spec, file, progress))
        if spec.desktop and (before := logon.begun(booted, spec, connection, file, progress)) is not None:
            life.close()
            file.unlink()
            connection = life.enter_context(_entered(booted, spec, file, progress))
            logon.ended(connection, file, before, progress)
            settle(booted)  # a session that has just begun goes on starting things
        if spec.desktop:
            _rehearse(connection, file, progress)
            settle(booted)
        yield connection.host_key


@contextmanager
def _entered(booted: Machine, spec: GuestSpec, file: Path, progress: Progress) -> Iterator[Ssh]:
    """A connection to a guest that boots, for the length of the block, once all is started that a clone is to have."""
    with closing(login(booted, spec, spec.boot_timeout)) as connection:
        # Two things at once, since a guest has two processors.
        with ThreadPoolExecutor(1) as beside:
            shell = beside.submit(surroundings.look_around, connection, spec.boot_timeout)
            _start_resident(connection, file, progress)
        shell.result()
        settle(booted)
        yield connection


def woken(file: Path, connection: Ssh) -> Resident | None:
    """The resident PowerShell of a clone that has just been restored.

    :param file: what was noted down when its template was made.
    :returns: None if it has none.
    """
    noted = records.read(file)
    if noted is None:
        return None
    endpoint = Endpoint.from_record(noted)
    resident = Resident(connection.tunnel, endpoint)
    if endpoint.sets_clock:
        # A restored system goes on with the time at which it was frozen. Without a resident the first call finds out.
        with suppress(ResidentLost):
            resident.set_clock()
    return resident


def settle(guest: Machine) -> None:
    """Wait until a guest has little to do, before it is frozen for others; one that never rests is frozen as it is."""
    with suppress(TimedOut):
        wait_until_idle([guest], _IDLE_SHARE, _SETTLE_SECONDS)


def wait_until_idle(machines: Sequence[Machine], share: float, timeout: float) -> None:
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


def _start_resident(connection: Ssh, file: Path, progress: Progress) -> None:
    try:
        endpoint = start(connection)
        # Closed, since a connection would be frozen with the guest, and nobody would be at its other end.
        with closing(Resident(connection.tunnel, endpoint)) as resident:
            with ThreadPoolExecutor(resident.processes) as processes:
                for warm in [processes.submit(resident.warm_up, _WARM_CALLS) for _ in range(resident.processes)]:
                    warm.result()
            endpoint = replace(endpoint, sets_clock=_sets_clock(resident, progress))
    except ResidentLost as exc:
        progress.note(f"every PowerShell call will start a powershell.exe of its own: {exc}")
        return
    records.write(file, asdict(endpoint), mode=0o600)  # it holds the secret


def _rehearse(connection: Ssh, file: Path, progress: Progress) -> None:
    noted = records.read(file)
    if noted is None:
        return  # without a resident each guest compiles for itself
    with closing(Resident(connection.tunnel, Endpoint.from_record(noted))) as resident:
        try:
            reason = rehearse(connection, resident)
        except NoDesktop:
            raise
        except (DesktopError, CommandFailed, TimedOut) as exc:
            reason = str(exc)
        if reason:
            progress.note(f"what is done on the desktop for the first time may take long in each clone: {reason}")


def _sets_clock(resident: Resident, progress: Progress) -> bool:
    """Whether it can; it tries in each process, so that what does it need not be compiled in every clone."""
    try:
        for _ in range(resident.processes):
            resident.set_clock()
        return True
    except ResidentLost as exc:
        progress.note(f"the guest's clock cannot be set: clones start at the time this template was frozen: {exc}")
        return False
