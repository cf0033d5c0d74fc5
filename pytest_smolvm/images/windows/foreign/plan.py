"""How an image that was looked at is to be tried: on which devices, as whom."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_smolvm.errors import ImageError, UsageError
from pytest_smolvm.guest.spec import DEFAULT_MEMORY
from pytest_smolvm.host.secret import masks_secrets
from pytest_smolvm.images.practice.recipe import MEMORY as PRACTICE_MEMORY
from pytest_smolvm.images.windows.accounts import PUBLIC
from pytest_smolvm.images.windows.foreign.advice import by_hand
from pytest_smolvm.images.windows.foreign.system import PRACTICE, System
from pytest_smolvm.images.windows.foreign.wish import Wish


@masks_secrets
@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to try."""

    buses: tuple[str, ...]
    """One after the other, until the system can be logged in to."""
    firmware: str
    memory: int
    user: str
    password: str = field(repr=False)


def plan(found: System, wish: Wish) -> Plan:
    """What to try with a system.

    :raises ImageError: nothing needs to be tried: nobody could get in. The message says what to do by hand.
    :raises UsageError: it is not known as whom to log in.
    """
    name = f"{found.release} {found.build}".strip()
    if found.generalized:
        raise ImageError(
            f"{name} on {wish.source} is generalized (Sysprep): its next start asks whom it belongs to."
            f" {by_hand(found, wish.openssh)}"
        )
    if found.ssh not in ("auto", "system"):
        server = f"has an SSH server that is started {found.ssh}" if found.ssh == "manual" else "has no SSH server"
        server = "has an SSH server that is disabled" if found.ssh == "disabled" else server
        raise ImageError(f"{name} on {wish.source} {server}, and tests come in by one. {by_hand(found, wish.openssh)}")
    buses = (wish.bus,) if wish.bus else found.buses
    if not buses:
        raise ImageError(
            f"{name} on {wish.source} starts neither from a virtio-scsi disk nor from a SATA one: it starts drivers"
            f" for neither (if you know better: --bus). {by_hand(found, wish.openssh)}"
        )
    user, password = _login(found, wish)
    usual = PRACTICE_MEMORY if found.release == PRACTICE else DEFAULT_MEMORY
    return Plan(
        buses=buses,
        firmware=wish.firmware or found.firmware,
        memory=wish.memory or usual,
        user=user,
        password=password,
    )


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
