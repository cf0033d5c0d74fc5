"""The traces and films of a run: when they are wanted, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.plugin import witness
from pytest_smolvm.plugin.trace import page
from pytest_smolvm.plugin.trace.page import TRACE, Part, Phase
from pytest_smolvm.plugin.trace.recording import VIDEO, Recording

if TYPE_CHECKING:
    from pytest_smolvm.plugin.artifacts import Evidence
    from pytest_smolvm.vm import SmolVM

OFF, ON = "off", "on"


@dataclass(frozen=True)
class GuestPlace:
    """A directory of what one guest has left, and its recording."""

    path: Path
    recording: Recording


class Traces:
    """What is recorded of guests, as the settings want it.

    :param trace: ``off``, ``on`` (of every test with a guest) or ``retain-on-failure``.
    :param video: likewise.
    """

    def __init__(self, trace: str, video: str) -> None:
        self._trace = trace
        self._video = video

    @property
    def of_every_test(self) -> bool:
        """Whether tests that pass leave something, too."""
        return ON in (self._trace, self._video)

    @contextmanager
    def of(self, evidence: Evidence, vms: Sequence[SmolVM]) -> Iterator[None]:
        """Guests are recorded in the block; what was recorded stays with their evidence."""
        if (self._trace, self._video) == (OFF, OFF):
            yield
            return
        evidence.recordings = [Recording(vm, trace=self._trace != OFF, video=self._video != OFF) for vm in vms]
        with ExitStack() as stack:
            for recording in evidence.recordings:
                stack.enter_context(recording.running())
            yield

    def write(self, test: str, phases: list[Phase], places: Sequence[GuestPlace]) -> list[str]:
        """Write what the settings want of a test, into its guests' directories; the page is in the first.

        :returns: what could not be had, and why.
        """
        failed = any(phase.outcome == "failed" for phase in phases)
        missing: dict[Path, list[str]] = {place.path: [] for place in places}
        if places and self._video != OFF and (failed or self._video == ON):
            for place in places:
                missing[place.path] = place.recording.write_video(place.path)
        if places and self._trace != OFF and (failed or self._trace == ON):
            parts = [_part(place, places[0].path, missing[place.path]) for place in places]
            try:
                page.write(places[0].path / TRACE, test, phases, parts)
            except (OSError, SmolVMError) as exc:
                missing[places[0].path].append(f"{TRACE}: {exc}")
        return [line for lines in missing.values() for line in lines]


def _part(place: GuestPlace, page_place: Path, missing: Sequence[str]) -> Part:
    video = place.path / VIDEO
    film = str(video.relative_to(page_place)) if video.exists() else ""
    mask = partial(witness.masked, spec=place.recording.spec)
    return Part(place.path, place.recording.recorder, mask, film, tuple(missing))
