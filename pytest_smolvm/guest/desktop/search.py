"""The way to a control, which is walked anew at each use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from pytest_smolvm.errors import DesktopError, TimedOut
from pytest_smolvm.guest.desktop.controls import Control
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.unreachable import ProviderHung
from pytest_smolvm.guest.desktop.unread import unread
from pytest_smolvm.guest.desktop.wanted import LocatorStep, Wanted
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.guest.screen.screen import Screen
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import PATIENCE, Deadline, until

ACTION_SECONDS = PATIENCE
"""How long actions and readings take at most if nobody says otherwise: a dialog may be half a minute in coming up where
the processor is emulated, and until then its program takes no keys."""
SILENCE_SECONDS = stretched(2.0)
"""How long a program is asked for at least before it is said to answer no more."""
_LOOK_SECONDS = 0.1


class Place(Protocol):
    """The window that a control is looked for in."""

    helper: DesktopHelper
    baselines: Baselines
    screen: Callable[[], Screen]

    @property
    def certain(self) -> bool:
        """Whether it is that one window, which never comes back when it is closed."""

    def look(self, deadline: Deadline, names: Sequence[str] = ()) -> tuple[Control | None, str]:
        """The window with all that is in it, or None if it is not there; and what was seen, in words.

        :param names: of items that are looked for.
        """


@dataclass(frozen=True)
class Scene:
    """What was seen at one moment."""

    window: Control | None
    controls: tuple[Control, ...]
    """What matches."""
    said: str
    """What there is instead, if the window is not there."""
    unread: tuple[Control, ...] = ()
    """Of which not all was read: what is looked for may be there, too."""

    def __str__(self) -> str:
        """The window with all that is in it, or what there is instead."""
        return self.said if self.window is None else str(self.window)

    @property
    def lack(self) -> str:
        """What was not read where there may be more of what is looked for; empty if nothing is known to be missing."""
        return "not read: " + ", ".join(each.lack for each in self.unread) if self.unread else ""

    @property
    def none(self) -> str:
        """That none is seen, and where it may be nevertheless."""
        return f"there is none in what was read; {self.lack}" if self.unread else "there is none"

    @property
    def places(self) -> list[Region]:
        """Where those that match are, as far as they are in view."""
        return [control.rectangle for control in self.controls if control.visible]

    def one(self, what: str) -> Control | None:
        """The one that matches; None if there is none.

        :param what: is wanted of it, for the error.
        :raises DesktopError: several match.
        """
        if len(self.controls) > 1:
            raise DesktopError(f"{what}: {len(self.controls)} match, choose by nth():\n{_listed(self.controls)}")
        return self.controls[0] if self.controls else None


class Search:
    """How a control is looked for.

    :param place: its window.
    :param steps: the way to it from there.
    """

    def __init__(self, place: Place, steps: Sequence[LocatorStep] = ()) -> None:
        self.place = place
        self._steps = tuple(steps)
        self._names = [step.name for step in steps if isinstance(step, Wanted) and isinstance(step.name, str)]
        self._is_long = False
        """Whether there was a long list that had to look for these itself."""

    def __str__(self) -> str:
        return ".".join(map(str, (self.place, *self._steps)))

    def then(self, step: LocatorStep) -> Search:
        """One that goes a step further."""
        return Search(self.place, (*self._steps, step))

    def look(self, deadline: Deadline) -> Scene:
        """What is there at this moment. A long list looks for items of a certain name itself, which takes a while.

        :raises TimedOut: the window's program does not answer.
        """
        names = self._names if self._is_long else []
        scene = self._seen(deadline, names)
        if names == self._names or not any(each.partial for each in scene.unread):
            return scene
        self._is_long = True
        return self._seen(deadline, self._names)

    def _seen(self, deadline: Deadline, names: Sequence[str]) -> Scene:
        window, said = self.place.look(deadline, names)
        controls = [] if window is None else [window]
        for step in self._steps:
            controls = step.of(controls)
        self.place.helper.trail.note(window=window, control=controls[0] if len(controls) == 1 else None)
        missing = unread(window, self._steps, names) if window is not None else ()
        return Scene(window, tuple(controls), said, missing)

    def until(self, what: str, attempt: Callable[[Control, Deadline], str], timeout: float) -> None:
        """Look for it and attempt something until that gives no reason why not.

        :raises DesktopError: several match, or the window is one that never comes back.
        :raises TimedOut: with the last reason and what the window held.
        """
        candidates = list[Region]()
        with self.place.helper.failures.seen(self.place.screen, lambda: candidates):
            self.place.helper.prepare()
            self._until(what, attempt, timeout, candidates)

    def _until(
        self, what: str, attempt: Callable[[Control, Deadline], str], timeout: float, candidates: list[Region]
    ) -> None:
        deadline, seen = Deadline(timeout), [""]

        def done() -> bool:
            candidates.clear()
            with asking(what, timeout, seen):
                scene = self.look(deadline)
            if scene.window is None:
                if self.place.certain:
                    raise DesktopError(f"{what}: {scene}")
                seen[0] = str(scene)
                return False
            candidates.extend(scene.places)
            control = scene.one(what)
            with asking(what, timeout, seen):
                reason = attempt(control, deadline) if control else scene.none
            seen[0] = f"{reason}\n{scene}"
            return not reason

        until(what, done, timeout=timeout, interval=_LOOK_SECONDS, last_seen=lambda: seen[0])


@contextmanager
def asking(what: str, timeout: float, before: Sequence[str]) -> Iterator[None]:
    """That a program does not answer in the block is an error of what was to be done.

    One that was asked shortly before the end of the time has not shown that it hangs: then what it said before is told.

    :param before: what was seen until then.
    """
    began = Deadline(None)
    try:
        yield
    except TimedOut as exc:
        if before[0] and began.elapsed < SILENCE_SECONDS:
            raise TimedOut(what, timeout, before[0]) from exc
        said = exc.last_seen or "there was no answer"
        kind = ProviderHung if isinstance(exc, ProviderHung) else TimedOut
        raise kind(what, timeout, f"{said}; before that, {before[0]}" if before[0] else said) from exc


def _listed(controls: Sequence[Control]) -> str:
    return "\n".join(str(control).partition("\n")[0] + f" at {tuple(control.rectangle)}" for control in controls)
