"""Why an installation did not reach its end.

It is guessed from what is seen from outside (WINDOWS' own words stay inside).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FIRMWARE = "firmware"
WINDOWS_PE = "Windows PE"
COPYING = "copying files"
DEVICES = "getting devices ready"
FIRST_LOGON = "first logon"
INSTALLED = "shutting down"
PHASES = (FIRMWARE, WINDOWS_PE, COPYING, DEVICES, FIRST_LOGON, INSTALLED)

# How it ended.
STALLED = "stalled"
TIMED_OUT = "timed out"
LOOPED = "looped"
POWERED_OFF = "powered off"
CRASHED = "crashed"
DISK_FULL = "disk full"
SCRIPT_FAILED = "script failed"
SUSPENDED = "suspended"


# OVMF's boot manager, when every boot option has failed: without and with a shell to fall back to.
NOTHING_TO_START = ("No bootable option", "UEFI Interactive Shell")


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an installation ended, as seen from outside."""

    how: str
    """``stalled``, ``looped`` ..."""
    phase: str
    seconds: float = 0.0
    """How long it had got no further, or how long it all took."""
    restarts: int = 0
    still: bool = False
    """The screen had not changed for as long."""
    writing: bool = False
    """The system was writing to its disk all the same, as Windows does whatever it waits for."""
    serial: str = ""
    """What firmware and system wrote to the serial port."""
    detail: str = ""
    """QEMU's words on a crash; the stage of ours that failed."""
    installed: bool = False
    """It was started from a disk with a generalized system, not from a disc."""


@dataclass(frozen=True)
class _Row:
    applies: Callable[[Ending], bool]
    what: str
    advice: str


# The first row that applies is the cause. Sources: OVMF's boot manager for the texts, QEMU's QMP schema for the events,
# Microsoft's "Windows Setup log files" for where Setup writes.
_TABLE = (
    _Row(
        lambda e: e.how == DISK_FULL,
        "a disk of this host is full: the guest's disk could not be written",
        "Free space where --output is to be, then build again.",
    ),
    _Row(
        lambda e: "Security Violation" in e.serial,
        "Secure Boot refused the disc's boot loader",
        "A remastered disc has lost Microsoft's signature: use an original ISO. A new one may be signed under"
        " 'Windows UEFI CA 2023', which older firmware does not know: use a newer OVMF."
        " Either may be built with --no-secure-boot.",
    ),
    _Row(
        lambda e: e.phase == FIRMWARE and e.installed,
        "the firmware started nothing from the disk within {seconds:.0f} s",
        "Look at the screenshot. If it was installed on another kind of firmware, say so with --firmware.",
    ),
    _Row(
        lambda e: e.phase == FIRMWARE and any(words in e.serial for words in NOTHING_TO_START),
        "the firmware found nothing to start on the disc",
        "The ISO does not start by UEFI, or its 'Press any key' went by unanswered; look at the screenshot.",
    ),
    _Row(
        lambda e: e.how == CRASHED and e.installed,
        "Windows stopped with a blue screen ({detail})",
        "Look at the screenshot for the stop code. INACCESSIBLE_BOOT_DEVICE: it has no driver for such a disk; try"
        " another --bus.",
    ),
    _Row(
        lambda e: e.how == CRASHED,
        "Windows stopped with a blue screen ({detail})",
        "Look at the screenshot for the stop code; a stop in the disk driver points to the virtio-win version.",
    ),
    _Row(
        lambda e: e.how == SUSPENDED,
        "the guest went to sleep during the installation",
        "Sleep is turned off only later; build again with the host less busy.",
    ),
    _Row(
        lambda e: e.how == SCRIPT_FAILED,
        "the set-up script of the stage {detail!r} could not be run",
        "Its log is on the disk in C:\\ProgramData\\smolvm\\setup, and beside the pictures if ntfs-3g is installed.",
    ),
    _Row(
        lambda e: e.how == LOOPED and e.phase in (FIRMWARE, WINDOWS_PE),
        "the installer restarted {restarts} times without copying anything",
        "It starts over before it gets to work: give it more memory, or check the ISO's checksum.",
    ),
    _Row(
        lambda e: e.how == LOOPED,
        "the system restarted {restarts} times without getting any further",
        "The installed system does not start: look at the screenshots; the ISO may be damaged.",
    ),
    _Row(
        lambda e: e.how == POWERED_OFF and e.phase in (FIRMWARE, WINDOWS_PE),
        "the installer switched the computer off before it had copied anything",
        "It refused this computer: look at the screenshot, and check TPM, memory (4 GB) and processors (2).",
    ),
    _Row(
        lambda e: e.how == POWERED_OFF,
        "the system switched itself off before the set-up was done",
        "Look at the last screenshot and at Setup's logs.",
    ),
    _Row(
        lambda e: e.phase == FIRMWARE,
        "the firmware did not start the disc within {seconds:.0f} s",
        "Look at the screenshot; is there a prompt that waits for a key?",
    ),
    _Row(
        lambda e: e.phase == WINDOWS_PE and e.still,
        "Setup seems to be asking something: the screen has not changed and nothing was copied for {seconds:.0f} s",
        "The answer file was ignored or refused. The screenshot shows the question: 'This PC can't run Windows' means"
        " TPM, memory or processors; a list of editions or a product key means that --edition or --product-key-file"
        " does not fit the disc.",
    ),
    _Row(
        lambda e: e.phase == WINDOWS_PE,
        "Setup was started and copied nothing for {seconds:.0f} s",
        "Look at the screenshot; a slow host may need a longer --timeout.",
    ),
    _Row(
        lambda e: e.phase == COPYING and e.still and e.writing,
        "Setup shows a message instead of copying: for {seconds:.0f} s the screen has not changed and next to nothing"
        " was copied",
        "The screenshot shows it; an error code there usually means a damaged ISO (compare its checksum).",
    ),
    _Row(
        lambda e: e.phase == COPYING,
        "copying stopped: nothing was written for {seconds:.0f} s",
        "The ISO may be damaged (compare its checksum), or the host's disk is very slow.",
    ),
    _Row(
        lambda e: e.phase == DEVICES and e.still and e.installed,
        "Windows shows a page that waits: for {seconds:.0f} s the screen has not changed and no stage was reached",
        "The screenshot shows it. A page of the first start: an answer file that is on the disk already comes before"
        " ours (delete unattend.xml in C:\\Windows\\Panther before Sysprep); a message: see setupact.log.",
    ),
    _Row(
        lambda e: e.phase in (DEVICES, FIRST_LOGON) and e.still and e.writing,
        "Windows shows a page that waits: for {seconds:.0f} s the screen has not changed and no stage was reached,"
        " though something was written all the time",
        "The screenshot shows it. 'Let's connect you to a network' or a question about an account: build with"
        " --openssh, or without, and tell the project; a window of an installer: it needs an option to be silent.",
    ),
    _Row(
        lambda e: e.phase in (WINDOWS_PE, DEVICES, FIRST_LOGON) and e.writing and e.how == STALLED,
        "the system is busy and gets no further: no stage was reached for {seconds:.0f} s, though the screen moves"
        " and something is written",
        "Look at the screenshots; a slow host or network may need a longer --stall.",
    ),
    _Row(
        lambda e: e.phase == DEVICES and e.still,
        "Windows shows a message instead of getting its devices ready: nothing changed for {seconds:.0f} s",
        "A pass of Setup failed; the screenshot and setupact.log tell which.",
    ),
    _Row(
        lambda e: e.phase == DEVICES,
        "getting devices ready took too long: nothing was written for {seconds:.0f} s",
        "Look at setupact.log and at the screenshot.",
    ),
    _Row(
        lambda e: e.phase == FIRST_LOGON,
        "the set-up at the first logon did not come to its end: nothing happened for {seconds:.0f} s",
        "An installer of it is waiting: give --openssh if the guest has no network; the screenshot shows what is open.",
    ),
    _Row(
        lambda e: e.phase == INSTALLED,
        "Windows did not switch itself off within {seconds:.0f} s",
        "A program refuses to end; look at the screenshot.",
    ),
)


def diagnose(ending: Ending) -> tuple[str, str]:
    """What happened and what to do, one sentence each."""
    row = next(row for row in _TABLE if row.applies(ending))
    what = row.what.format(seconds=ending.seconds, restarts=ending.restarts, detail=ending.detail)
    if ending.how == TIMED_OUT:
        what = f"not done within {ending.seconds:.0f} s: {what}"
    return what, row.advice
