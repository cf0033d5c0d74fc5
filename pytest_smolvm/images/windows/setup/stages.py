"""How far an installation has got, judged from outside; pure: it is told what is seen and never looks itself."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from pytest_smolvm.host.patience import stretched
from pytest_smolvm.images.windows.setup import diagnosis
from pytest_smolvm.images.windows.setup.diagnosis import Ending

_MARK = re.compile(r"SMOLVM-([A-Z]+):([^\r\n]*)")
_MIB = 1 << 20
# Boot manager and Windows PE's first files; the firmware alone reads far less.
_STARTED_BYTES = 8 * _MIB
# Partitioning and Setup's own notes write less; Windows itself is gigabytes.
_COPYING_BYTES = 64 * _MIB
_MARKED = {
    "specialize": diagnosis.DEVICES,
    "specialized": diagnosis.DEVICES,
    "first-logon": diagnosis.FIRST_LOGON,
    "installed": diagnosis.INSTALLED,
}
# Windows restarts once or twice in a phase; some updates of firmware or drivers take one more.
_MOST_RESTARTS = 4
_ALIVE_BYTES = _MIB
# A blinking cursor makes two pictures of a screen that stands still, a progress ring makes many.
_STILL_SCREENS = 3
# Windows writes a little whatever it waits for. So where its pages move while it works, one that stands still for the
# patience with silence, and no mark or restart, is a page that waits; and whatever moves and is written, nothing takes
# longer than a few such times between two marks or restarts. While files are copied a page may stand still as long as
# what is written is worth the name.
_PAGED = (diagnosis.WINDOWS_PE, diagnosis.DEVICES, diagnosis.FIRST_LOGON, diagnosis.INSTALLED)
_PATIENCES = 3
# Not a phase of its own in the stall's sense: firmware either starts something soon or never will.
_FIRMWARE_SECONDS = stretched(240.0)


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What is seen at one moment."""

    at: float
    """Seconds since power-on."""
    read: int = 0
    """Bytes read so far from what it is started from: the installation disc, or an installed system's disk."""
    written: int = 0
    """Bytes written to the system disk so far."""
    restarts: int = 0
    """So far."""
    screen: str = ""
    """Changes when the picture does."""
    serial: str = ""
    """Everything the serial port has said so far."""
    ended: str = ""
    """`powered off`, `crashed` ... if QEMU says so."""
    detail: str = ""


class Journey:
    """The way from power-on to an installed system that has switched itself off.

    :param stall: seconds without a sign of life, or with a screen that waits, after which it counts as stuck.
    :param timeout: seconds for the whole way.
    :param installed: nothing is installed: a generalized system starts for the first time, from its own disk.
    """

    def __init__(self, stall: float, timeout: float, *, installed: bool = False) -> None:
        self._stall = stall
        self._timeout = timeout
        self._installed = installed
        self.phase = diagnosis.FIRMWARE
        self.steps: dict[str, str] = {}
        """Steps of our scripts and what became of them: ``ok`` or ``failed: ...``."""
        self._alive = Sight(at=0.0)
        self._advanced = 0.0
        self._lately: deque[tuple[float, str, int]] = deque()
        """What was seen within the patience with silence: when, the screen, and bytes written until then."""
        self._restarts_before = 0
        self._restarted = Sight(at=0.0)
        self._marks = 0

    def see(self, sight: Sight) -> Ending | None:
        """Take in a sight. None: go on. An ending with phase `shutting down` and `powered off` is the good one."""
        self._note(sight)
        ended = self._ended(sight)
        if ended:
            return Ending(
                how=ended,
                phase=self.phase,
                seconds=sight.at if ended == diagnosis.TIMED_OUT else self.stuck(sight),
                restarts=sight.restarts,
                still=self._still(sight, self.stuck(sight) / 2),
                writing=self.quiet(sight) < self._stall,
                serial=sight.serial,
                detail=sight.detail or self.steps.get("FAILED", ""),
                installed=self._installed,
            )
        return None

    @property
    def arrived(self) -> bool:
        """Whether our last script said that it was done."""
        return self.phase == diagnosis.INSTALLED

    def at_prompt(self, sight: Sight) -> bool:
        """Whether "Press any key to boot from CD" may be there and is to be answered.

        Not once Windows is on the disk; and when an installer restarts before that, it is to be started again.
        """
        return (
            not self._installed
            and self.phase in (diagnosis.FIRMWARE, diagnosis.WINDOWS_PE)
            and sight.read - self._restarted.read < _STARTED_BYTES
        )

    def quiet(self, sight: Sight) -> float:
        """For how many seconds nothing has happened."""
        return sight.at - self._alive.at

    def stuck(self, sight: Sight) -> float:
        """For how many seconds it has got no further, whatever happened meanwhile."""
        quiet = self.quiet(sight)
        if quiet < self._stall and self.phase in _PAGED:
            return sight.at - self._advanced
        return max(quiet, sight.at - self._lately[0][0]) if self._crawls(sight) else quiet

    def _note(self, sight: Sight) -> None:
        if sight.restarts != self._restarted.restarts:
            self._restarted = sight
            self._advance_in(sight)
        marks = _MARK.findall(sight.serial)
        for kind, words in marks[self._marks :]:
            self._mark(kind, words.strip(), sight)
            self._advance_in(sight)
        self._marks = len(marks)
        self._advance(self._seen(sight), sight)
        if sight.written - self._alive.written >= _ALIVE_BYTES:
            self._alive = sight
        self._lately.append((sight.at, sight.screen, sight.written))
        while len(self._lately) > 1 and self._lately[1][0] <= sight.at - self._stall:
            self._lately.popleft()

    def _still(self, sight: Sight, seconds: float) -> bool:
        """Whether the screen has stood still for so long; before, something may have come up."""
        return len({screen for at, screen, _ in self._lately if at >= sight.at - seconds}) <= _STILL_SCREENS

    def _waits(self, sight: Sight) -> bool:
        """Whether Windows shows a page that waits, although it may be writing."""
        since = sight.at - self._advanced
        still = since >= self._stall and self._still(sight, self._stall)
        if self.phase not in _PAGED:
            return still and self._crawls(sight)
        return still or since >= _PATIENCES * self._stall

    def _crawls(self, sight: Sight) -> bool:
        """Whether files are copied so slowly that it is no copying: there are gigabytes of them."""
        return self.phase == diagnosis.COPYING and sight.written - self._lately[0][2] < _COPYING_BYTES

    def _advance_in(self, sight: Sight) -> None:
        """Something has certainly gone further: a mark, a restart, a phase."""
        self._alive = sight
        self._advanced = sight.at

    def _mark(self, kind: str, words: str, sight: Sight) -> None:
        if kind == "PHASE" and words in _MARKED:
            self._advance(_MARKED[words], sight)
        elif kind == "STEP":
            name, _, outcome = words.partition(":")
            self.steps[name] = outcome
        elif kind == "FAILED":
            self.steps["FAILED"] = words

    def _seen(self, sight: Sight) -> str:
        if self._installed:
            return diagnosis.DEVICES if sight.read >= _STARTED_BYTES else diagnosis.FIRMWARE
        if sight.restarts and sight.written >= _COPYING_BYTES:
            return diagnosis.DEVICES
        if sight.written >= _COPYING_BYTES:
            return diagnosis.COPYING
        return diagnosis.WINDOWS_PE if sight.read >= _STARTED_BYTES else diagnosis.FIRMWARE

    def _advance(self, phase: str, sight: Sight) -> None:
        if diagnosis.PHASES.index(phase) > diagnosis.PHASES.index(self.phase):
            self.phase = phase
            self._restarts_before = sight.restarts
            self._advance_in(sight)

    def _ended(self, sight: Sight) -> str:
        if sight.ended:
            return sight.ended
        if "FAILED" in self.steps:
            return diagnosis.SCRIPT_FAILED
        if sight.restarts - self._restarts_before >= _MOST_RESTARTS:
            return diagnosis.LOOPED
        if self.phase == diagnosis.FIRMWARE and any(words in sight.serial for words in diagnosis.NOTHING_TO_START):
            return diagnosis.STALLED
        patience = min(self._stall, _FIRMWARE_SECONDS) if self.phase == diagnosis.FIRMWARE else self._stall
        if self.quiet(sight) >= patience or self._waits(sight):
            return diagnosis.STALLED
        return diagnosis.TIMED_OUT if sight.at >= self._timeout else ""
