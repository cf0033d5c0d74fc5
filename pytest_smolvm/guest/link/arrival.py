"""From power-on to a login, with how far it got."""

from __future__ import annotations

from pathlib import Path

from pytest_smolvm.errors import BootError, HostKeyChanged, LoginError, MonitorSilent, SmolVMError, TimedOut
from pytest_smolvm.guest.link.login import Account, accepted, wait_for_login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import PUBLIC, GuestSpec
from pytest_smolvm.machine.machine import Machine


def account(machine: Machine, spec: GuestSpec) -> Account:
    """Where and as whom to log in: where the public account is wanted, every one that images are known to have."""
    wanted = (spec.ssh_user, spec.ssh_password)
    others = PUBLIC[1:] if wanted == PUBLIC[0] else ()
    return Account(machine.ssh_port, *wanted, machine.check, others=others)


def password(machine: Machine, spec: GuestSpec, host_key: bytes) -> str:
    """The one that a guest has accepted.

    :param host_key: its server's public key.
    """
    return accepted(account(machine, spec), host_key)[1]


def login(machine: Machine, spec: GuestSpec, timeout: float, host_key: bytes | None = None) -> Ssh:
    """Wait until the guest lets us in.

    :param timeout: seconds.
    :param host_key: the key that its server must have; None takes any.
    :raises BootError: it did not come up in time, or died; the error tells the stage.
    :raises LoginError: it is up and refused user or password.
    :raises HostKeyChanged: its server has another key.
    :raises MonitorSilent: QEMU does not answer, which says nothing of the guest.
    """
    try:
        return wait_for_login(account(machine, spec), timeout=timeout, host_key=host_key)
    except (LoginError, HostKeyChanged, MonitorSilent):
        raise
    except TimedOut as exc:
        stage, seen = ("ssh", exc.last_seen) if exc.last_seen else _stage(machine)
        raise BootError(stage, f"no login over SSH within {round(timeout, 1):g} s; {seen}", machine.log_tail) from exc
    except SmolVMError as exc:
        raise BootError(_stage(machine)[0], str(exc), machine.log_tail) from exc


def _stage(machine: Machine) -> tuple[str, str]:
    """How far the boot got, by what firmware and system leave on the serial port (OVMF's boot manager)."""
    if machine.files.bios_log.exists():
        return _bios_stage(_text(machine.files.bios_log))
    text = _text(machine.files.serial_log)
    if "Security Violation" in text:
        return "firmware", "Secure Boot refused the disk's boot loader"
    if "No bootable option" in text or "UEFI Interactive Shell" in text:
        return "disk", "the firmware found nothing to boot on the disk"
    if "BdsDxe: starting Boot" in text:
        return "system", "the system was started but its SSH server never answered"
    if text.strip():
        return "firmware", "the firmware did not start a system"
    return "firmware", "the firmware printed nothing"


def _bios_stage(text: str) -> tuple[str, str]:
    """The same of a BIOS, by SeaBIOS' words (its src/boot.c)."""
    if "No bootable device" in text or "not a bootable disk" in text:
        return "disk", "the BIOS found nothing to boot on the disk"
    if "Booting from Hard Disk" in text:
        return "system", "the disk's boot sector was started, but no SSH server ever answered"
    return "firmware", "the BIOS did not start a system"


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
