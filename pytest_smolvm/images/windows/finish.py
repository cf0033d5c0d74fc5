"""Start the installed disk as tests will, on virtio, log in over SSH, and finish it there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path, PurePosixPath

from pytest_smolvm.errors import (
    BootError,
    BuildError,
    CommandFailed,
    CommandTimedOut,
    GuestDied,
    LoginError,
    SmolVMError,
    TimedOut,
    TransferError,
    UsageError,
)
from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.files import file
from pytest_smolvm.guest.link.arrival import login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.guest.system import power
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import Progress, nothing, phase
from pytest_smolvm.images.windows.recipe import Recipe
from pytest_smolvm.images.windows.setup.steps import note_failures, told
from pytest_smolvm.machine import machine
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory

SETUP = r"C:\ProgramData\smolvm\setup"
_APP = r"C:\ProgramData\smolvm\app"
_SCRIPTS = r"C:\ProgramData\smolvm\scripts"
# The first start on new devices installs them, and Windows may restart once for that.
_BOOT_SECONDS = stretched(900.0)
# Cleaning the component store of a fresh Windows takes minutes, on a slow host many.
_FINISH_SECONDS = stretched(3600.0)
_SHUTDOWN_SECONDS = stretched(300.0)
_POWERSHELL = "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -File"


def finished(
    disk: Path, recipe: Recipe, hypervisor: Hypervisor, directory: Path, *, progress: Progress, steps: dict[str, str]
) -> Path:
    """Start `disk`, run what the recipe adds, make it small, switch it off.

    :param disk: the installed disk; it is not written, an overlay in `directory` is.
    :param directory: an empty directory, which keeps logs and the last picture.
    :param steps: what became of the installation's steps, to explain a login that fails; those of the finish are added.
    :returns: the overlay that holds the result.
    :raises BuildError: the disk does not start on virtio, SSH cannot be reached, or something the recipe adds failed.
    """
    spec = GuestSpec(
        image=disk,
        ssh_user=recipe.user,
        ssh_password=recipe.password,
        memory=recipe.memory,
        cpus=recipe.cpus,
        boot="cold",
        boot_timeout=min(_BOOT_SECONDS, recipe.timeout),
        secure_boot=recipe.secure_boot,
    )
    with machine.cold(spec.image, spec.hardware, hypervisor, RunDirectory(directory)) as guest:
        with phase(progress, "starting from virtio"):
            connection = _login(guest, spec, steps)
        with closing(connection):
            with phase(progress, "finishing"), _explained("finishing", guest):
                _add(connection, recipe, progress)
                steps.update(cleaned(connection, progress))
                check_secrets(steps, public=recipe.default_password)
            with phase(progress, "switching off"), _explained("switching off", guest):
                switch_off(connection, guest)
    return guest.files.disk


def _login(guest: Machine, spec: GuestSpec, steps: dict[str, str]) -> Ssh:
    try:
        return login(guest, spec, spec.boot_timeout)
    except (BootError, LoginError) as exc:
        picture(guest)
        raise BuildError("starting from virtio", *_why(exc, steps)) from exc


def _why(error: SmolVMError, steps: dict[str, str]) -> tuple[str, str]:
    if isinstance(error, LoginError):
        return (
            "the new system is up but refuses its own account",
            "The account was not made as asked; look at Setup's logs.",
        )
    reasons = [
        f"{name} {steps[name]}"
        for name in ("openssh", "sshd", "sshd start", "firewall")
        if steps.get(name, "ok") != "ok"
    ]
    if reasons:
        return f"the new system has no SSH server that answers: {'; '.join(reasons)}", (
            "Give a package of Win32-OpenSSH with --openssh, so that nothing has to be downloaded during the build."
        )
    if steps.get("drivers", "ok") != "ok":
        return (
            f"the system does not start from a virtio disk: {steps['drivers']}",
            "Use another version of the virtio-win ISO.",
        )
    return f"the installed system cannot be reached on virtio devices: {error}", (
        "A blue screen with INACCESSIBLE_BOOT_DEVICE means that the disk driver is missing; look at the screenshot."
    )


def _add(connection: Ssh, recipe: Recipe, progress: Progress) -> None:
    for number, script in enumerate(recipe.extra_scripts, start=1):
        progress.note(f"running {script.name}")
        remote = rf"{_SCRIPTS}\{number:02d}-{script.name}"
        file.upload(connection.sftp, script, remote)
        _run(connection, remote)
    if recipe.bake_app is not None:
        progress.note(f"baking in {recipe.bake_app.name}")
        for path in sorted(recipe.bake_app.rglob("*")):
            if path.is_file():
                name = str(PurePosixPath(path.relative_to(recipe.bake_app))).replace("/", "\\")
                file.upload(connection.sftp, path, rf"{_APP}\{name}")
        install = "install.ps1" if (recipe.bake_app / "install.ps1").is_file() else "install.cmd"
        _run(connection, rf"{_APP}\{install}")


def _run(connection: Ssh, script: str) -> None:
    words = f'{_POWERSHELL} "{script}"' if script.lower().endswith(".ps1") else f'call "{script}"'
    run.run(connection, words, shell="cmd", timeout=_FINISH_SECONDS).check()


def cleaned(connection: Ssh, progress: Progress) -> dict[str, str]:
    """Run what takes secrets away and makes the disk small, and remove our own scripts.

    :returns: its steps and what became of them.
    """
    done = run.run(connection, rf'{_POWERSHELL} "{SETUP}\finish.ps1"', shell="cmd", timeout=_FINISH_SECONDS)
    run.run(connection, rf'rmdir /s /q "{SETUP}" & rmdir /s /q "{_SCRIPTS}"', shell="cmd", timeout=stretched(60.0))
    found = told(done.stdout)
    note_failures(found, progress, "finishing")
    return found


def check_secrets(steps: Mapping[str, str], *, public: bool) -> None:
    """Whether copies of the answer file are gone; none of the other steps decides whether the image is good.

    :param public: everybody knows the password in them.

    :raises BuildError: they may not be, and the password in them is nobody else's business.
    """
    outcome = steps.get("answer files", "was not tried")
    if outcome != "ok" and not public:
        raise BuildError(
            "finishing",
            f"copies of the answer file, with the account's password, may be left in the system: the step {outcome}",
            "The step's words tell why. A build with --keep-failed keeps the disk: look for unattend*.xml in it.",
        )


def switch_off(connection: Ssh, guest: Machine) -> None:
    """Have the system shut down, by its power button if it does not when it is asked to.

    :raises TimedOut: it does not.
    """
    since = guest.monitor.mark()
    with suppress(CommandFailed, CommandTimedOut, GuestDied):  # the power button is left, if it has not gone down
        power.request(connection, "/s")
    await_off(guest, since)


def await_off(guest: Machine, since: int) -> None:
    """Wait until a system that was asked to shut down has done so, and press the power button if it does not.

    :param since: what its monitor's `mark` said before it was asked.
    :raises TimedOut: it does not.
    """
    try:
        power.wait_for_event(guest.monitor, "SHUTDOWN", since, _SHUTDOWN_SECONDS / 10, nothing)
    except TimedOut:
        guest.monitor.execute("system_powerdown")
        power.wait_for_event(guest.monitor, "SHUTDOWN", since, _SHUTDOWN_SECONDS, nothing)


@contextmanager
def _explained(stage: str, guest: Machine) -> Iterator[None]:
    """Whatever goes wrong says in which stage it did, with a picture of the screen."""
    try:
        yield
    except BuildError:
        raise
    except SmolVMError as exc:
        picture(guest)
        raise BuildError(stage, *_reason(exc)) from exc


def _reason(error: SmolVMError) -> tuple[str, str]:
    if isinstance(error, (CommandFailed, CommandTimedOut)):
        return (
            f"a script of the recipe failed in the guest: {error}",
            "Mend it and build again; the installation itself is kept.",
        )
    if isinstance(error, (TransferError, UsageError)):
        return (
            f"a file of the recipe could not be brought into the guest: {error}",
            "Mend it and build again; the installation itself is kept.",
        )
    if isinstance(error, TimedOut):
        return str(error), "Look at the last screenshot and build again; the installation itself is kept."
    return (
        f"the guest was lost: {error}",
        "Look at the last screenshot and at qemu.log, then build again; the installation itself is kept.",
    )


def picture(guest: Machine) -> None:
    """Keep its screen, if there still is one."""
    with suppress(SmolVMError):  # QEMU may be gone, and its screen with it
        guest.display.picture(guest.files.picture)
