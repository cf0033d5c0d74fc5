"""What becomes of errors while an installation is followed. No machine is involved."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm.errors import BuildError, GuestDied, MonitorError, TimedOut
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.images.windows.setup import diagnosis
from pytest_smolvm.images.windows.setup.stages import Journey, Sight
from pytest_smolvm.images.windows.setup.watch import Watcher, drive


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
