"""What is on a disk: which firmware starts it, and which Windows, in which state, with which accounts."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from pytest_smolvm.errors import ImageError
from pytest_smolvm.images.windows.accounts import PUBLIC
from pytest_smolvm.images.windows.foreign.hive import Hive
from pytest_smolvm.images.windows.foreign.ntfs import Volume

_SECTOR = 512
_CONFIG = "Windows/System32/config"
_EFI = UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
PRACTICE = "practice"
"""What the stand-in for Windows is called."""
AGENT, WINRM = "agent", "winrm"
"""What lets programs be started where there is no SSH server."""
_PRACTICE = "practice-root"  # what the practice image calls its partition; it has no NTFS
_EXTENDED = {0x05, 0x0F}
_STATE, _STATE_OFFSET = b"PRACTICE-", 64 * _SECTOR  # then a word, in the unused sectors before its first partition
_SMOLVM = "smolvm-ready.txt"  # the last thing that SmolVM's answer file does is to write it
_BITLOCKER = b"-FVE-FS-"
# hiberfil.sys of a system that sleeps ("hibr"), or is just waking up; "wake" is left behind by one that has woken.
_ASLEEP = (b"hibr", b"rstr")
# SAM: ACB_DISABLED of MS-SAMR, in the fixed part of an account. The numbers below 1000 are Windows' own accounts, of
# which only the Administrator can be somebody's.
_FLAGS, _DISABLED, _ADMINISTRATOR, _FIRST_OWN = 0x38, 1, 500, 1000
_ACCOUNTS = "SAM\\Domains\\Account\\Users"
# "Start" of a service ("HKLM\SYSTEM\CurrentControlSet\Services Registry Tree", in Microsoft's driver documentation).
_BOOT = "boot"
_STARTS = {0: _BOOT, 1: "system", 2: "auto", 3: "manual", 4: "disabled"}
_VERSION = "Microsoft\\Windows NT\\CurrentVersion"
_LANGUAGE = "en-US"
# Where Windows looks for answers before it looks at discs ("Implicit answer file search order", Microsoft Learn). The
# second is where Setup keeps those of an installation.
_ANSWERS = tuple(
    f"Windows/Panther/{name}" for name in ("Unattend/Unattend.xml", "Unattend/Autounattend.xml", "Unattend.xml")
)


@dataclass(frozen=True, kw_only=True)
class LocalAccount:
    """A local account."""

    name: str
    disabled: bool


@dataclass(frozen=True, kw_only=True)
class System:
    """What is installed on a disk."""

    firmware: str
    """``uefi`` or ``bios``."""
    release: str
    """``Windows 10 Pro``, as it calls itself; "practice" for the stand-in."""
    build: str
    """``19045``."""
    accounts: tuple[LocalAccount, ...]
    drivers: tuple[str, ...]
    """Those of ``vioscsi``, ``netkvm`` and ``storahci`` that the system would start on our devices."""
    ssh: str
    """How its SSH server is started: ``auto``, ``manual``, ``disabled``; "" if there is none."""
    agent: bool
    """Whether QEMU's guest agent starts by itself, and a driver for its port."""
    winrm: bool
    """Whether WinRM starts by itself."""
    generalized: bool
    """Sysprep was here: the next start is a first one."""
    language: str = _LANGUAGE
    """A language that it has for its menus."""
    server: bool = False
    """Whether it is a Windows Server."""
    answers: str = ""
    """An answer file that is on the disk, and that a first start finds before that of a disc; "" if there is none."""
    maker: str
    """``SmolVM`` if that has built it, else ""."""

    @property
    def buses(self) -> tuple[str, ...]:
        """What its drivers are for: ``virtio``, ``sata``; the better one first."""
        if self.release == PRACTICE:
            return "virtio", "sata"
        found = ["virtio"] if {"vioscsi", "netkvm"} <= set(self.drivers) else []
        return (*found, "sata") if "storahci" in self.drivers else tuple(found)

    @property
    def entrances(self) -> tuple[str, ...]:
        """What programs may be started in it through, the better one first."""
        return (AGENT,) * self.agent + (WINRM,) * self.winrm

    @property
    def logins(self) -> tuple[tuple[str, str], ...]:
        """User and password of the accounts on it that may log in and whose passwords are public."""
        enabled = {account.name.lower() for account in self.accounts if not account.disabled}
        return tuple(login for login in PUBLIC if login[0] in enabled)


def look(disk: Path) -> System:
    """Look at a plain disk file.

    :raises ImageError: there is no Windows on it, or it is in a state in which it cannot be brought; the message says
        what to do.
    """
    with open(disk, "rb") as file:
        partitions = list(_partitions(file))
        if not partitions:
            raise ImageError("the disk has no partitions: nothing is installed on it")
        firmware = "uefi" if any(kind == _EFI for _, kind, _ in partitions) else "bios"
        if any(name == _PRACTICE for _, _, name in partitions):
            return _practice(file, firmware)
        return _windows(file, firmware, [start for start, _, _ in partitions])


def _practice(file: BinaryIO, firmware: str) -> System:
    file.seek(_STATE_OFFSET)
    mark, word = file.read(len(_STATE)), file.read(_SECTOR - len(_STATE))
    state = word.partition(b"\0")[0].decode("ascii", "replace") if mark == _STATE else ""
    return System(
        firmware=firmware,
        release=PRACTICE,
        build="",
        accounts=(LocalAccount(name=PUBLIC[0][0], disabled=False),),
        drivers=(),
        ssh="" if state.startswith("bare") else "auto",
        agent=WINRM not in state,
        winrm=WINRM in state,
        generalized=state.startswith("generalized"),
        maker="",
    )


def _windows(file: BinaryIO, firmware: str, starts: list[int]) -> System:
    for start in starts:
        file.seek(start)
        boot = file.read(_SECTOR)
        if boot[3:11] == _BITLOCKER:
            raise ImageError(
                "a partition of the disk is encrypted with BitLocker; turn it off where it runs (manage-bde -off C:),"
                " and wait until that is done"
            )
        if boot[3:11] == b"NTFS    ":
            volume = Volume(file, start)
            software = volume.read(f"{_CONFIG}/SOFTWARE")
            if software is not None:
                return _system(volume, firmware, Hive(software))
    raise ImageError("there is no Windows on the disk: none of its partitions has Windows/System32/config/SOFTWARE")


def _system(volume: Volume, firmware: str, software: Hive) -> System:
    if (volume.read("hiberfil.sys", 4) or b"").lower() in _ASLEEP:
        raise ImageError(
            "Windows on the disk is hibernated, or was shut down for a fast start; start it where it runs,"
            " turn that off (powercfg /hibernate off) and shut it down"
        )
    if volume.dirty:
        raise ImageError(
            "the disk was not shut down cleanly (its NTFS is marked for a check);"
            " start it where it runs and shut it down"
        )
    accounts = tuple(_accounts(Hive(volume.read(f"{_CONFIG}/SAM") or b"")))
    generalized = _generalized(volume)
    if not generalized and accounts and all(account.disabled for account in accounts):
        raise ImageError(
            f"every account on the disk is disabled ({', '.join(account.name for account in accounts)}):"
            " nobody could log in; enable one where it runs (net user NAME /active:yes)"
        )
    control = _Control(Hive(volume.read(f"{_CONFIG}/SYSTEM") or b""))
    return System(
        firmware=firmware,
        release=software.text(_VERSION, "ProductName"),
        build=software.text(_VERSION, "CurrentBuild"),
        accounts=accounts,
        drivers=tuple(control.drivers()),
        ssh=control.start("sshd"),
        # As virtio-win's installers call them.
        agent=control.start("QEMU-GA") == "auto" and control.start("VirtioSerial") not in ("", "disabled"),
        # By itself only on servers, and where somebody has seen to it (winrm quickconfig).
        winrm=control.start("WinRM") == "auto",
        generalized=generalized,
        language=next(iter(control.languages()), _LANGUAGE),
        server=software.text(_VERSION, "InstallationType").startswith("Server"),
        answers=control.answers or next(filter(volume.has, _ANSWERS), ""),
        maker="SmolVM" if volume.read(_SMOLVM) is not None else "",
    )


def _accounts(sam: Hive) -> Iterator[LocalAccount]:
    for name in sam.keys(f"{_ACCOUNTS}\\Names"):
        numbered = sam.value(f"{_ACCOUNTS}\\Names\\{name}")
        number = numbered[0] if numbered else 0  # kept as the type of a value without content
        fixed = sam.value(f"{_ACCOUNTS}\\{number:08X}", "F")
        if fixed and (number == _ADMINISTRATOR or number >= _FIRST_OWN) and len(fixed[1]) >= _FLAGS + 2:
            yield LocalAccount(name=name, disabled=bool(struct.unpack_from("<H", fixed[1], _FLAGS)[0] & _DISABLED))


class _Control:
    """What the next start of a system will read: services, of which drivers are some, languages, answers."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self.answers = hive.text("Setup", "UnattendFile")
        current = hive.value("Select", "Current")
        number = struct.unpack("<I", current[1].ljust(4, b"\0")[:4])[0] if current else 1
        self._set = f"ControlSet{number:03}"
        self._key = f"{self._set}\\Services"

    def languages(self) -> list[str]:
        """Those that menus may have (MUI), as ``en-US``."""
        return self._hive.keys(f"{self._set}\\Control\\MUI\\UILanguages")

    def start(self, name: str) -> str:
        """How one is started; "" if there is none."""
        number = self._number(name, "Start")
        return "" if number is None else _STARTS.get(number, "")

    def drivers(self) -> Iterator[str]:
        """What the system could be started from, and reached by, on our devices."""
        if self.start("vioscsi") == _BOOT:
            yield "vioscsi"
        if self.start("netkvm") not in ("", "disabled"):
            yield "netkvm"
        # Windows, since 8, does not start its own drivers for disks that it was not installed on: Start stays 0, and
        # this says what counts. Sysprep takes it away.
        if self.start("storahci") == _BOOT and self._number("storahci\\StartOverride", "0") in (0, None):
            yield "storahci"

    def _number(self, key: str, name: str) -> int | None:
        found = self._hive.value(f"{self._key}\\{key}", name)
        return struct.unpack("<I", found[1].ljust(4, b"\0")[:4])[0] if found else None


def _generalized(volume: Volume) -> bool:
    state = volume.read("Windows/Setup/State/State.ini") or b""
    return b"IMAGE_STATE_GENERALIZE" in state.replace(b"\0", b"")


def _partitions(file: BinaryIO) -> Iterator[tuple[int, UUID | int, str]]:
    """Where each begins, its kind and its name (UEFI specification, 5.3; before it, the table of PC DOS)."""
    file.seek(0)
    head = file.read(2 * _SECTOR)
    if head[_SECTOR : _SECTOR + 8] == b"EFI PART":
        table, count, size = struct.unpack_from("<QII", head, _SECTOR + 72)
        file.seek(table * _SECTOR)
        entries = file.read(min(count, 1024) * size)
        for at in range(0, len(entries) - 127, size):
            if any(entries[at : at + 16]):
                first = struct.unpack_from("<Q", entries, at + 32)[0]
                name = entries[at + 56 : at + 128].decode("utf-16-le", "replace").rstrip("\0")
                yield first * _SECTOR, UUID(bytes_le=entries[at : at + 16]), name
    elif head[510:512] == b"\x55\xaa":
        for at in range(446, 510, 16):
            kind, first = head[at + 4], struct.unpack_from("<I", head, at + 8)[0]
            if kind and kind not in _EXTENDED:
                yield first * _SECTOR, kind, ""
