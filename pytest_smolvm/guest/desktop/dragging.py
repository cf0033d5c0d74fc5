"""Dragging: from what is taken hold of to where it is let go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pytest_smolvm.guest.desktop.search import Place, asking
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.host.waiting import Deadline, until

_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Grip:
    """Where something can be reached by the pointer."""

    handle: int
    """The window that has to be there, or a part of it."""
    place: Region
    """On the screen."""


class Draggable(Protocol):
    """A control, an item, a text or a picture."""

    def grip(self, what: str, deadline: Deadline, candidates: list[Region]) -> tuple[Grip | None, str]:
        """Where it is at this moment, or why it is not.

        :param what: is to be done with it, for errors.
        :param candidates: where all those are that it may be are added to it.
        """


def drag(place: Place, source: Draggable, target: Draggable, timeout: float) -> None:
    """Press the left button on one, move to another, and let it go there, once both stand still.

    :param place: the window of the first.
    :raises TimedOut: one is not there, moves, is disabled or covered; with the last reason.
    :raises DesktopError: several match.
    """
    what = f"drag {source!r} to {target!r}"
    place.helper.prepare()
    deadline, seen, candidates = Deadline(timeout), [""], list[Region]()

    def grips() -> tuple[tuple[Grip, Grip] | None, str]:
        candidates.clear()
        start, reason = source.grip(what, deadline, candidates)
        end, missing = target.grip(what, deadline, candidates)
        if start is None or end is None:
            return None, reason or f"of its target: {missing}"
        return (start, end), ""

    def attempt() -> str:
        before, reason = grips()
        if before is None:
            return reason
        after, reason = grips()
        return reason or ("it moves" if before != after else _dragged(place, deadline, what, *before))

    def done() -> bool:
        with asking(what, timeout, seen):
            reason = attempt()
        seen[0] = reason
        return not reason

    with place.helper.failures.seen(place.screen, lambda: candidates):
        until(what, done, timeout=timeout, interval=_LOOK_SECONDS, last_seen=lambda: seen[0])


def _dragged(place: Place, deadline: Deadline, what: str, start: Grip, end: Grip) -> str:
    """Do it; why it was not done."""
    words = (*start.place.center, end.handle, *end.place.center)
    return place.helper.act(deadline, what, start.handle, start.place, "drag", *words)
