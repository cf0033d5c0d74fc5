"""What becomes of errors while an installation is followed. No machine is involved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_smolvm.errors import BuildError, GuestDied, MonitorError, TimedOut
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.images.windows.setup import diagnosis
from pytest_smolvm.images.windows.setup.stages import Journey, Sight
from pytest_smolvm.images.windows.setup.watch import Watcher, drive, fingerprint


class Struck(Watcher):
    """Sees Windows PE start, and then an error."""

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self._sights = [Sight(at=1), Sight(at=20, read=300 << 20)]

    def look(self, tick: float) -> Sight:
        if not self._sights:
            raise self._error
        return self._sights.pop(0)

    def press_a_key(self) -> None:
        pass

    def picture(self, name: str) -> Path | None:
        return None


class Listening(Silent):
    """Progress that remembers."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def started(self, phase: str) -> None:
        self.told.append(f"{phase} started")

    def finished(self, phase: str) -> None:
        self.told.append(f"{phase} finished")

    def failed(self, phase: str) -> None:
        self.told.append(f"{phase} failed")


WAY = ["firmware started", "firmware finished", "Windows PE started", "Windows PE failed"]


@pytest.mark.parametrize(
    "error",
    [GuestDied("QEMU ended"), TimedOut("an answer", 600), MonitorError("query-blockstats", "no")],
    ids=lambda error: type(error).__name__,
)
def test_errors_say_the_phase(error: BaseException) -> None:
    """Whatever QEMU does, the build's error says how far it had got, and the phase is at an end."""
    progress = Listening()

    with pytest.raises(BuildError) as caught:
        drive(Struck(error), Journey(600, 10_000), progress)

    assert caught.value.phase == diagnosis.WINDOWS_PE
    assert progress.told == WAY


def test_an_interrupt_is_no_build_error() -> None:
    """But it ends the phase."""
    progress = Listening()

    with pytest.raises(KeyboardInterrupt):
        drive(Struck(KeyboardInterrupt()), Journey(600, 10_000), progress)

    assert progress.told == WAY


class Held(Watcher):
    """Sees an installed system that goes on writing, until its power button is pressed."""

    def __init__(self) -> None:
        self.at = 0.0
        self.pressed = False
        self.machine = self  # type: ignore[assignment]
        self.monitor = self

    def execute(self, command: str, **_: object) -> None:
        """What the monitor is asked for."""
        self.pressed = command == "system_powerdown"

    def look(self, tick: float) -> Sight:
        self.at += 30
        sight = Sight(at=self.at, read=300 << 20, written=int(self.at) << 20, serial="SMOLVM-PHASE:installed\r\n")
        return replace(sight, ended=diagnosis.POWERED_OFF if self.pressed else "")

    def picture(self, name: str) -> Path | None:
        return None


def test_the_power_button_of_an_installed_system() -> None:
    """Windows writes a little whatever keeps it from switching itself off."""
    held = Held()

    drive(held, Journey(600, 10_000), Silent())

    assert held.pressed
    assert held.at <= 180


def picture(*marks: tuple[int, int]) -> bytes:
    """A black picture of 100 by 60 pixels with white ones."""
    pixels = bytearray(3 * 100 * 60)
    for column, row in marks:
        pixels[3 * (100 * row + column) : 3 * (100 * row + column) + 3] = b"\xff" * 3
    return b"P6\n100 60\n255\n" + bytes(pixels)


def test_a_clock_does_not_move_the_screen() -> None:
    """A desktop on which a window waits has one; every other place counts."""
    still = fingerprint(picture())

    assert fingerprint(picture((99, 59), (85, 56))) == still
    assert len({still, *(fingerprint(picture(mark)) for mark in ((0, 0), (50, 59), (99, 50), (70, 57)))}) == 5
    assert fingerprint(picture()[:-1]) != still
