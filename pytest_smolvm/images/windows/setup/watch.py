"""Run Setup or a first start to its end: answer the boot prompt, follow restarts, keep a picture of every phase."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import BuildError, GuestDied, MonitorError, SmolVMError, TimedOut
from pytest_smolvm.host.clock import now
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import Progress
from pytest_smolvm.images.windows.setup import diagnosis
from pytest_smolvm.images.windows.setup.computer import SYSTEM_DRIVE, WINDOWS_DRIVE
from pytest_smolvm.images.windows.setup.diagnosis import Ending
from pytest_smolvm.images.windows.setup.stages import Journey, Sight
from pytest_smolvm.machine.display import Display
from pytest_smolvm.machine.machine import Machine

_EVENTS = ("RESET", "SHUTDOWN", "GUEST_PANICKED", "BLOCK_IO_ERROR", "SUSPEND", "SUSPEND_DISK")
_ENDINGS = {
    "SHUTDOWN": diagnosis.POWERED_OFF,
    "GUEST_PANICKED": diagnosis.CRASHED,
    "BLOCK_IO_ERROR": diagnosis.DISK_FULL,
    "SUSPEND": diagnosis.SUSPENDED,
    "SUSPEND_DISK": diagnosis.SUSPENDED,
}
# The prompt stands for five seconds: look and press more often while it may come.
_FIRMWARE_TICK = 0.7
_TICK = 2.0
_PICTURE_SECONDS = 3.0
_STEP_CHARACTERS = 90
# The clock is in the lower right corner of the desktop; of these parts of height and width it takes less.
_CLOCK_ROWS = 12
_CLOCK_COLUMNS = 5
# QEMU answers at once, unless the host is short of everything or was suspended for a while.
_ANSWER_SECONDS = stretched(600.0)
# Our last script has switched the system off; a program that does not end can keep it up, and the power button helps.
_POWER_BUTTON_SECONDS = stretched(60.0)


@dataclass
class Watcher:
    """Looks at a machine through its monitor.

    :param machine: the running one.
    :param pictures: an existing directory for screenshots.
    :param source: QEMU's name of the drive that it is started from.
    """

    machine: Machine
    pictures: Path
    source: str = WINDOWS_DRIVE
    clock: Callable[[], float] = now
    _restarts: int = 0
    _screen: str = ""
    _looked: float = field(default=float("-inf"))
    _taken: int = 0
    _start: float = field(init=False)

    def __post_init__(self) -> None:
        self._start = self.clock()
        self._display = Display(self.machine.monitor, self.pictures, _ANSWER_SECONDS)

    def look(self, tick: float) -> Sight:
        """Wait for an event, at most `tick` seconds, and tell what is seen then."""
        ended, detail = self._event(tick)
        at = self.clock() - self._start
        if ended or at - self._looked >= _PICTURE_SECONDS:
            self._looked = at
            self._screen = self._fingerprint()
        read, written = self._counts()
        return Sight(
            at=at,
            read=read,
            written=written,
            restarts=self._restarts,
            screen=self._screen,
            serial=self._serial(),
            ended=ended,
            detail=detail,
        )

    def press_a_key(self) -> None:
        """Press and let go of the cursor key, which "Press any key" takes and nothing else minds."""
        self._display.press("up")

    def picture(self, name: str) -> Path | None:
        """Keep the screen as a picture called after `name`, if QEMU can give one."""
        self._taken += 1
        path = self.pictures / f"{self._taken:02d}-{name.replace(' ', '-').lower()}.png"
        try:
            self._display.picture(path)
        except SmolVMError:
            return None  # QEMU has ended, does not answer, or was built without PNG
        return path

    def _event(self, tick: float) -> tuple[str, str]:
        try:
            event = self.machine.monitor.wait(*_EVENTS, timeout=tick)
        except TimedOut:
            return "", ""
        data: dict[str, Any] = event.get("data", {})
        if event["event"] == "RESET":
            # QEMU also tells of resets by its own monitor; there are none here.
            self._restarts += 1
            return "", ""
        return _ENDINGS[event["event"]], str(data.get("info", data.get("reason", "")))

    def _counts(self) -> tuple[int, int]:
        stats = {
            drive.get("device"): drive["stats"]
            for drive in self.machine.monitor.execute("query-blockstats", timeout=_ANSWER_SECONDS)
        }
        return stats[self.source]["rd_bytes"], stats[SYSTEM_DRIVE]["wr_bytes"]

    def _fingerprint(self) -> str:
        try:
            return fingerprint(self._display.pixels())
        except (MonitorError, FileNotFoundError, ValueError):
            return self._screen

    def _serial(self) -> str:
        log = self.machine.files.serial_log
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def fingerprint(picture: bytes) -> str:
    """Changes when a picture does, but for the corner in which Windows' taskbar has its clock.

    :param picture: a PPM of three bytes a pixel, as QEMU writes it.
    """
    kind, size, depth, pixels = picture.split(b"\n", 3)
    width, height = map(int, size.split())
    if kind != b"P6" or depth != b"255" or len(pixels) != 3 * width * height:
        return hashlib.blake2b(picture, digest_size=16).hexdigest()
    found = hashlib.blake2b(size, digest_size=16)
    below, beside = height - height // _CLOCK_ROWS, 3 * (width - width // _CLOCK_COLUMNS)
    found.update(pixels[: 3 * width * below])
    for row in range(below, height):
        found.update(pixels[3 * width * row : 3 * width * row + beside])
    return found.hexdigest()


def drive(watcher: Watcher, journey: Journey, progress: Progress) -> dict[str, str]:
    """Follow the installation until the system has switched itself off.

    :returns: the steps of our scripts and what became of them.
    :raises BuildError: it ended otherwise; the error says how and why.
    """
    progress.started(journey.phase)
    try:
        return _explained(watcher, journey, progress)
    except BaseException:
        progress.failed(journey.phase)
        raise


def _explained(watcher: Watcher, journey: Journey, progress: Progress) -> dict[str, str]:
    try:
        return _followed(watcher, journey, progress)
    except GuestDied as exc:
        raise BuildError(journey.phase, f"{exc}", "Look at qemu.log; the host may have run out of memory.") from exc
    except (MonitorError, TimedOut) as exc:
        raise BuildError(
            journey.phase, f"QEMU does not answer: {exc}", "Build again when the host is less busy."
        ) from exc


def _followed(watcher: Watcher, journey: Journey, progress: Progress) -> dict[str, str]:
    pressed = False
    prompt = True
    while True:
        before = journey.phase
        sight = watcher.look(_FIRMWARE_TICK if prompt else _TICK)
        ending = journey.see(sight)
        if journey.phase != before:
            progress.finished(before)
            progress.started(journey.phase)
            watcher.picture(journey.phase)
        if ending is not None:
            return _arrived(watcher, journey, ending, progress)
        prompt = journey.at_prompt(sight)
        if prompt:
            watcher.press_a_key()
        if not pressed and journey.arrived and journey.stuck(sight) >= _POWER_BUTTON_SECONDS:
            watcher.machine.monitor.execute("system_powerdown", timeout=_ANSWER_SECONDS)
            pressed = True


def _arrived(watcher: Watcher, journey: Journey, ending: Ending, progress: Progress) -> dict[str, str]:
    if ending.how == diagnosis.POWERED_OFF and journey.arrived:
        progress.finished(journey.phase)
        return journey.steps
    watcher.picture("last")
    what, advice = diagnosis.diagnose(ending)
    failed = [
        f"{name}: {outcome[:_STEP_CHARACTERS]}"
        for name, outcome in journey.steps.items()
        if outcome.startswith("failed")
    ]
    raise BuildError(ending.phase, what + (f" (failed steps: {'; '.join(failed)})" if failed else ""), advice)
