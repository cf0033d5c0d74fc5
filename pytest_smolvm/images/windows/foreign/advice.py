"""What has to be done by hand before an image can be brought, since nobody can do it from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_smolvm.images.windows.foreign.system import System

_INSTALL = (
    "install an SSH server: Add-WindowsCapability -Online -Name OpenSSH.Server~~~~0.0.1.0 in PowerShell (Windows 10"
    " 1809, Server 2019 or newer), or the .msi of Win32-OpenSSH"
)
_START = "have it start by itself: sc.exe config sshd start= auto"
_SHELL = r"leave it cmd.exe as its shell: reg.exe delete HKLM\SOFTWARE\OpenSSH /v DefaultShell /f"
_FIREWALL = (
    "let it through: netsh.exe advfirewall firewall add rule name=sshd dir=in action=allow protocol=TCP localport=22"
    " profile=any"
)
_STORAHCI = r"HKLM\SYSTEM\CurrentControlSet\Services\storahci"
_SATA = (
    f"have it start from a SATA disk: reg.exe add {_STORAHCI} /v Start /t REG_DWORD /d 0 /f, and reg.exe delete"
    rf" {_STORAHCI}\StartOverride /f; or install virtio-win-guest-tools.exe of virtio-win's ISO while a virtio-scsi"
    " disk and a virtio network card are there"
)
_DOWN = "shut it down for good: powercfg.exe /hibernate off, and shutdown.exe /s /t 0"
_FIRST_START = "go through the pages of its first start, and make a local account that is an administrator"


def by_hand(found: System, openssh: Path | None = None) -> str:
    """The list for a system, as numbered lines.

    :param openssh: a package that is at hand.
    """
    lines = [f"  {number}. {line}" for number, line in enumerate(_lines(found, openssh), start=1)]
    return "\n".join(["By hand, where it runs, as an administrator:", *lines, "Then bring it once more."])


def _lines(found: System, openssh: Path | None) -> Iterator[str]:
    if found.generalized:
        yield _FIRST_START
    if not found.ssh:
        yield _INSTALL if openssh is None else f"install an SSH server: copy {openssh.name} there, and install it"
    if found.ssh != "auto":
        yield _START
    else:
        yield _SHELL
    yield _FIREWALL
    if not found.buses:
        yield _SATA
    yield _DOWN
