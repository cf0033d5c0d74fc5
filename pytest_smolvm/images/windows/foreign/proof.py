"""A brought disk is started as tests will start it, logged in to, made small, and switched off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import BootError, BuildError, CommandFailed, ImageError, LoginError, SmolVMError
from pytest_smolvm.guest.commands import run, surroundings
from pytest_smolvm.guest.link.arrival import login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.images.windows import finish
from pytest_smolvm.images.windows.foreign.plan import Plan, is_public
from pytest_smolvm.machine import machine
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory

_COMMAND_SECONDS = stretched(300.0)
_POWERSHELL = r"if not exist %SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe exit 1"
_TRIM_SECONDS = stretched(3600.0)
_ADVICE = (
    "Look at the pictures. INACCESSIBLE_BOOT_DEVICE: no driver for such a disk is started. A page that asks something,"
    " or a logon: the SSH server does not start, or the firewall lets nobody in."
)
# What is done in it, by name. None of it decides whether the image is good; the record says what became of each.
_STEPS = (
    # A guest that sleeps instead of ending leaves a disk that nobody can start from.
    ("hibernation", "powercfg.exe /hibernate off", _COMMAND_SECONDS),
    # Tells the disk which blocks are free, so that the image shrinks.
    ("trim", "defrag.exe C: /L", _TRIM_SECONDS),
)


@dataclass(frozen=True)
class Proven:
    """A system that was started and switched off again."""

    disk: Path
    """The overlay that holds what has changed."""
    bus: str
    """The devices that it was started on."""
    steps: dict[str, str]
    """What was done in it: ``ok`` or ``failed: ...``."""


def proven(
    settings: GuestSpec, wanted: Plan, hypervisor: Hypervisor, place: Callable[[str], Path], progress: Progress
) -> Proven:
    """Start a disk on one kind of devices after the other, until it lets us in.

    :param settings: the disk, qcow2, which is not written; processors and patience.
    :param place: gives an empty directory of a name for a machine's files; logs and the last picture stay there.
    :raises BuildError: it lets nobody in, or is lost afterwards.
    """
    failures = []
    for bus in wanted.buses:
        spec = settings.having(bus=bus, firmware=wanted.firmware, memory=wanted.memory)
        spec = spec.having(ssh_user=wanted.user, ssh_password=wanted.password)
        files = RunDirectory(place(f"start-{bus}"))
        with machine.cold(spec.image, spec.hardware, hypervisor, files) as guest:
            try:
                with phase(progress, f"starting from {bus} by {wanted.firmware}"):
                    connection = _let_in(guest, spec)
            except BootError as exc:
                failures.append(f"on {bus} devices: {exc.reason}")
                progress.note(failures[-1])
                continue
            with closing(connection):
                return _used(guest, spec, connection, wanted, progress)
    raise BuildError("starting", "the system lets nobody in; " + "; ".join(failures), _ADVICE)


def _let_in(guest: Machine, spec: GuestSpec) -> Ssh:
    try:
        return login(guest, spec, spec.boot_timeout)
    except BootError:
        finish.picture(guest)
        raise
    except LoginError as exc:
        finish.picture(guest)
        raise BuildError("starting", f"{exc}", "Give --user and --password-file of an administrator.") from exc


def _used(guest: Machine, spec: GuestSpec, connection: Ssh, wanted: Plan, progress: Progress) -> Proven:
    with phase(progress, "finishing"), _explained(guest):
        surroundings.look_around(connection, _COMMAND_SECONDS)
        if run.run(connection, _POWERSHELL, shell="cmd", timeout=_COMMAND_SECONDS).exit_code:
            raise ImageError("the system has no Windows PowerShell, which tests run their scripts by")
        steps = dict(_steps(connection, wanted, progress))
    with phase(progress, "switching off"), _explained(guest):
        finish.switch_off(connection, guest)
    return Proven(guest.files.disk, spec.bus, steps)


def _steps(connection: Ssh, wanted: Plan, progress: Progress) -> Iterator[tuple[str, str]]:
    if wanted.first_start:
        # Our scripts are there already, and so are copies of the answer file, which must not stay.
        steps = finish.cleaned(connection, progress)
        finish.check_secrets(steps, public=is_public(wanted.user, wanted.password))
        yield from steps.items()
        return
    for name, command, seconds in _STEPS:
        try:
            run.run(connection, command, shell="cmd", timeout=seconds).check()
        except CommandFailed as exc:
            said = (exc.stderr or exc.stdout).strip().splitlines() or [f"exit code {exc.exit_code}"]
            outcome = f"failed: {said[0].strip()}"
            progress.note(f"{name} {outcome}")
            yield name, outcome
        else:
            yield name, "ok"


@contextmanager
def _explained(guest: Machine) -> Iterator[None]:
    try:
        yield
    except BuildError:
        raise
    except SmolVMError as exc:
        finish.picture(guest)
        what = f"the system was lost: {exc}"
        raise BuildError(
            "finishing", what, "Look at the last picture; the disk that was brought is as it was."
        ) from exc
