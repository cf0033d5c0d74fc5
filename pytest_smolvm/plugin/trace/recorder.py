"""The steps of a test in one guest, as they are taken."""

from __future__ import annotations

import re
import threading
from collections import deque

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.guest.screen.album import Album
from pytest_smolvm.guest.trail import AFTER, AROUND, Deed, shown

_MOST_DEEDS = 1000
_CLOSE_SECONDS = 0.05
_LONGEST_TREE = 64 * 1024
_TYPED = ("text", "chord")
"""What is typed, by the names of arguments."""
_SECRET_PLACE = re.compile(r"pass|pwd|secret|token|credential|\bpin\b", re.IGNORECASE)


class Recorder:
    """Takes note of what is done to a guest, with pictures of its screen. A :class:`Hearer`.

    :param album: takes them.
    """

    def __init__(self, album: Album) -> None:
        self.album = album
        self._deeds: deque[Deed] = deque(maxlen=_MOST_DEEDS)
        self.left_out = 0
        """How many there were before those that are still known."""
        self._lock = threading.Lock()

    @property
    def deeds(self) -> list[Deed]:
        """The last ones, in the order in which they ended."""
        with self._lock:
            return list(self._deeds)

    def clear(self) -> None:
        """Forget everything until now."""
        with self._lock:
            self._deeds.clear()
            self.left_out = 0
        self.album.forget()

    def begins(self, step: Deed) -> None:
        """Take a picture before it."""
        if step.sees == AROUND:
            # Steps follow each other closely, and what was there after one is there before the next.
            self._picture(step, "before", _CLOSE_SECONDS)

    def ends(self, step: Deed) -> None:
        """Take a picture after it, and keep it."""
        if step.sees in (AROUND, AFTER):
            self._picture(step, "after", 0.0)
        if (window := step.details.pop("window", None)) is not None:
            step.details["tree"] = _cut(str(window))
        _hide_typed(step, step.details.get("control"))
        with self._lock:
            self.left_out += len(self._deeds) == _MOST_DEEDS
            self._deeds.append(step)

    def _picture(self, step: Deed, name: str, freshness: float) -> None:
        try:
            step.details[name] = self.album.take(freshness)
        except (SmolVMError, OSError, RuntimeError) as exc:  # the last: the guest is being thrown away
            step.details[f"no {name}"] = str(exc).partition("\n")[0]


def _hide_typed(step: Deed, control: object) -> None:
    """Have what was typed into a field for passwords seen by nobody; one that was not found is judged by its name."""
    typed = [step.arguments[name] for name in _TYPED if name in step.arguments]
    is_secret = control is not None and getattr(control, "text", "") is None
    if typed and step.kind == "desktop" and (is_secret or (control is None and _SECRET_PLACE.search(step.what))):
        for text in typed:
            step.what = step.what.replace(shown(text), "'***'")


def _cut(tree: str) -> str:
    return tree if len(tree) <= _LONGEST_TREE else tree[:_LONGEST_TREE] + "\n... the rest is left out"
