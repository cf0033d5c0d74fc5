"""How an image that was looked at is to be tried: on which devices, as whom."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_smolvm.errors import ImageError, UsageError
from pytest_smolvm.guest.spec import DEFAULT_MEMORY
from pytest_smolvm.host.secret import masks_secrets
from pytest_smolvm.images.practice.recipe import MEMORY as PRACTICE_MEMORY
from pytest_smolvm.images.windows import accounts
from pytest_smolvm.images.windows.accounts import PUBLIC
from pytest_smolvm.images.windows.foreign.advice import by_hand
from pytest_smolvm.images.windows.foreign.system import PRACTICE, System
from pytest_smolvm.images.windows.foreign.wish import Wish
from pytest_smolvm.images.windows.media import drivers, editions
from pytest_smolvm.images.windows.media.drivers import Drivers
from pytest_smolvm.machine.hardware import Hardware

_PRACTICE_BUILD = 22000  # it tells none, and takes what is for Windows 11
COMPUTER = "SMOLVM-WIN"
"""What a first start calls the computer."""


@masks_secrets
@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to try."""

    buses: tuple[str, ...]
    """One after the other, until the system can be logged in to."""
    first_bus: str
    """What a first start is gone through on."""
    drivers: Drivers | None
    """What a first start installs, so that the system starts from the first of the buses afterwards."""
    firmware: str
    memory: int
    user: str
    password: str = field(repr=False)
    first_start: bool
    """Whether it has to be gone through first, since the system is generalized; the account is made by it."""
    through: tuple[str, ...]
    """What an SSH server may be installed through first, or the system's made to start, one after the other; none if
    it need not be."""

    def hardware(self, bus: str, cpus: int) -> Hardware:
        """A computer to try it on, with one of the buses; without Secure Boot, which not every host can do."""
        return Hardware(memory=self.memory, cpus=cpus, bus=bus, secure_boot=False, firmware=self.firmware)


def plan(found: System, wish: Wish) -> Plan:
    """What to try with a system.

    :raises ImageError: nothing needs to be tried: nobody could get in. The message says what to do by hand.
    :raises UsageError: it is not known as whom to log in, or drivers are given that nobody would install.
    """
    name = f"{found.release} {found.build}".strip()
    serves = found.generalized or found.ssh in ("auto", "system")
    if not serves and not found.entrances:
        server = f"has an SSH server that is started {found.ssh}" if found.ssh == "manual" else "has no SSH server"
        server = "has an SSH server that is disabled" if found.ssh == "disabled" else server
        raise ImageError(f"{name} on {wish.source} {server}, and tests come in by one. {by_hand(found, wish.openssh)}")
    installs = _drivers(found, wish)
    first_bus, buses = _buses(found, wish, name, installs=installs is not None)
    user, password = _made(found, wish) if found.generalized else _login(found, wish)
    usual = PRACTICE_MEMORY if found.release == PRACTICE else DEFAULT_MEMORY
    return Plan(
        buses=buses,
        first_bus=first_bus,
        drivers=installs,
        firmware=wish.firmware or found.firmware,
        memory=wish.memory or usual,
        user=user,
        password=password,
        first_start=found.generalized,
        through=() if serves else found.entrances,
    )


def _buses(found: System, wish: Wish, name: str, *, installs: bool) -> tuple[str, tuple[str, ...]]:
    """What it is to be started from for the first time, and from then on.

    :param installs: whether the first start brings the drivers for virtio.
    """
    buses = (wish.bus,) if wish.bus else found.buses
    if not buses:
        raise ImageError(
            f"{name} on {wish.source} starts neither from a virtio-scsi disk nor from a SATA one: it starts drivers"
            f" for neither (if you know better: --bus). {by_hand(found, wish.openssh)}"
        )
    if not installs:
        return buses[0], buses
    first = "sata" if "sata" in found.buses else buses[0]
    return first, buses if wish.bus else ("virtio", *(bus for bus in buses if bus != "virtio"))


def _drivers(found: System, wish: Wish) -> Drivers | None:
    if wish.virtio_iso is None:
        return None
    if not found.generalized:
        raise UsageError(
            f"drivers are installed by the first start of a generalized system, and {wish.source} had its own: run"
            " virtio-win-guest-tools.exe of that disc where it runs"
        )
    build = int(found.build) if found.build.isdigit() else _PRACTICE_BUILD
    return drivers.look(wish.virtio_iso, *editions.release_of(found.release, build, server=found.server))


def is_public(user: str, password: str) -> bool:
    """Whether everybody knows that password of that account, so that it may be written down."""
    return (user.lower(), password) in PUBLIC


def _made(found: System, wish: Wish) -> tuple[str, str]:
    """The account that a first start makes."""
    user = wish.user or PUBLIC[0][0]
    password = wish.password if wish.password is not None else dict(PUBLIC).get(user.lower())
    if password is None:
        raise UsageError(
            f"the password of {user!r}, whom the first start is to make, is not public; give --password-file"
        )
    accounts.check_user(user, COMPUTER)
    accounts.check_password(password)
    if found.server and not is_public(user, password):
        accounts.check_complexity(user, password)
    return user, password


def _login(found: System, wish: Wish) -> tuple[str, str]:
    enabled = [account.name for account in found.accounts if not account.disabled]
    if wish.user is None:
        if found.logins:
            return found.logins[0]
        raise UsageError(
            f"which account of {wish.source} are tests to use? None of {', '.join(enabled) or 'them'} has a public"
            " password; give --user and --password-file"
        )
    local = "\\" not in wish.user and "@" not in wish.user
    if local and wish.user.lower() not in {name.lower() for name in enabled}:
        disabled = any(account.name.lower() == wish.user.lower() for account in found.accounts)
        what = "is disabled" if disabled else "is not"
        raise UsageError(f"the account {wish.user!r} {what} on {wish.source}; there are {', '.join(enabled)}")
    password = wish.password if wish.password is not None else dict(PUBLIC).get(wish.user.lower())
    if password is None:
        raise UsageError(f"the password of {wish.user!r} is not public; give --password-file")
    return wish.user, password
