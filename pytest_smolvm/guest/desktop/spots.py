"""A place of a window that is known by what can be seen there, looked for anew at each use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_smolvm.errors import DesktopError
from pytest_smolvm.guest.desktop.controls import Control
from pytest_smolvm.guest.desktop.dragging import Draggable, Grip, drag
from pytest_smolvm.guest.desktop.search import ACTION_SECONDS, Search
from pytest_smolvm.guest.screen import pictures
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.guest.screen.sights import Eye, Seeable
from pytest_smolvm.guest.trail import tells
from pytest_smolvm.host.waiting import Deadline

if TYPE_CHECKING:
    from pytest_smolvm.guest.screen.sights import Picture


@tells(
    "desktop",
    lambda spot: spot.search.place.helper.trail,
    repr,
    acts=("click", "double_click", "right_click", "drag_to"),
    waits=("wait",),
)
class Spot:
    """A text or a picture in a window or in a control. Exactly one has to be seen. Time-outs are in seconds.

    Its window comes to the front before it is looked at. All raise TimedOut, which tells what was seen instead,
    DesktopError if there are several, NoDesktop, and HostError if Tesseract or a library is missing.

    :param search: how the window or control is looked for.
    :param sight: what is looked for in its picture.
    :param index: which of several; None: there has to be one.
    """

    def __init__(self, search: Search, sight: Seeable, index: int | None = None) -> None:
        self.search = search
        """How what it is in is looked for."""
        self._sight = sight
        self._index = index

    def __repr__(self) -> str:
        return f"{self.search}.{self._sight}" + ("" if self._index is None else f".nth({self._index})")

    def nth(self, index: int) -> Spot:
        """One of those that are seen, line by line from the top, from 0; from the end if negative."""
        return Spot(self.search, self._sight, index)

    def count(self, *, timeout: float = ACTION_SECONDS) -> int:
        """How many are seen at this moment, once the window is there."""
        eye, found = self._eye(), list[Region]()

        def look(control: Control, deadline: Deadline) -> str:
            seen, reason = self._look(eye, control, deadline)
            found[:] = seen.places if seen else []
            return reason if seen is None else ""

        self.search.until(f"count {self!r}", look, timeout)
        return len(found)

    def click(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click on its middle, once it is seen and stands still."""
        self._click("click on", "left", 1, timeout)

    def double_click(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click twice on its middle."""
        self._click("double click on", "left", 2, timeout)

    def right_click(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click on its middle with the right button."""
        self._click("right click on", "right", 1, timeout)

    def drag_to(self, target: Draggable, *, timeout: float = ACTION_SECONDS) -> None:
        """Press the left button on its middle, move, and let it go on the middle of something else."""
        drag(self.search.place, self, target, timeout)

    def wait(self, *, timeout: float = ACTION_SECONDS) -> Region:
        """Wait until it is seen.

        :returns: where it is, in pixels of the screen.
        """
        eye, found = self._eye(), list[Region]()

        def look(control: Control, deadline: Deadline) -> str:
            seen, reason = self._look(eye, control, deadline)
            found[:] = filter(None, [self._one(seen)])
            return "" if found else reason

        self.search.until(f"{self!r} there", look, timeout)
        return found[0]

    def rectangle(self, *, timeout: float = ACTION_SECONDS) -> Region:
        """Where it is, in pixels of the screen; of a text that of whole words."""
        return self.wait(timeout=timeout)

    def grip(self, what: str, deadline: Deadline, candidates: list[Region]) -> tuple[Grip | None, str]:
        """See `Draggable.grip`."""
        scene = self.search.look(deadline)
        control = scene.one(what)
        if control is None:
            return None, f"{scene.none}\n{scene}"
        seen, reason = self._look(self._eye(), control, deadline)
        candidates += seen.places if seen else []
        place = self._one(seen)
        return (None, reason) if place is None else (Grip(control.handle, place), "")

    def look(self, what: str, deadline: Deadline) -> tuple[list[Region] | None, str]:
        """Where it is seen at this moment, and what is seen besides; None and why, if nothing can be.

        :param what: is to be known of it, for errors.
        """
        scene = self.search.look(deadline)
        control = scene.one(what)
        if control is None:
            return (None if scene.unread else []), f"{scene.none}\n{scene}"
        seen, said = self._look(self._eye(), control, deadline)
        if seen is None or self._index is None:
            return (None if seen is None else seen.places), said
        place = self._one(seen)
        return [place] if place else [], said

    def _eye(self) -> Eye:
        return self._sight.eye(self.search.place.baselines)

    def _click(self, what: str, button: str, times: int, timeout: float) -> None:
        what, eye = f"{what} {self!r}", self._eye()

        def attempt(control: Control, deadline: Deadline) -> str:
            seen, reason = self._look(eye, control, deadline)
            place = self._one(seen)
            if place is None or seen is None:
                return reason
            if not self._stands_still(place, seen.picture):
                return "it changes"
            words = ("spot", *place.center, button, times)
            return self.search.place.helper.act(deadline, what, control.handle, control.rectangle, *words)

        self.search.until(what, attempt, timeout)

    def _one(self, seen: _Seen | None) -> Region | None:
        """The one that is wanted of those that were seen.

        :raises DesktopError: several are.
        """
        places = seen.places if seen else []
        if self._index is not None:
            there = -len(places) <= self._index < len(places)
            return places[self._index] if there else None
        if len(places) > 1:
            listed = "\n".join(f"- at {tuple(place)}" for place in places)
            raise DesktopError(f"{self!r}: {len(places)} are seen, choose by nth():\n{listed}")
        return places[0] if places else None

    def _look(self, eye: Eye, control: Control, deadline: Deadline) -> tuple[_Seen | None, str]:
        """What is seen, with the window in front; or why nothing can be. And what was seen instead, in words."""
        reason = self.search.place.helper.act(deadline, f"look at {self!r}", control.handle, control.rectangle, "front")
        if reason:
            return None, reason
        whole = self.search.place.screen().screenshot()
        left, top = max(control.rectangle.left, 0), max(control.rectangle.top, 0)
        right, bottom = min(control.rectangle.right, whole.width), min(control.rectangle.bottom, whole.height)
        if right <= left or bottom <= top:
            return None, "it is out of view"
        places, said = eye.find(pictures.cut(whole, Region(left, top, right - left, bottom - top)))
        return _Seen(whole, [place.moved(left, top) for place in places]), said

    def _stands_still(self, place: Region, before: Picture) -> bool:
        now = self.search.place.screen().screenshot()
        if now.size != before.size:
            return False
        same: bool = pictures.cut(now, place).tobytes() == pictures.cut(before, place).tobytes()
        return same


@dataclass(frozen=True)
class _Seen:
    """What was seen at one moment."""

    picture: Picture
    """The whole screen."""
    places: list[Region]
    """On it."""
