"""What a picture of a part of a screen is searched for: a text, or a smaller picture."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pytest_smolvm.guest.screen import matching, ocr, pictures
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.screen.ocr import Reader
from pytest_smolvm.guest.screen.region import Region

if TYPE_CHECKING:
    from PIL.Image import Image

    Picture: TypeAlias = Image
    """Pillow's, for others to name."""

_MOST = 20
"""How many places of a picture are told at most."""
_SHOWN = 2000  # characters of a text that was read


class Seeable(Protocol):
    """Something that can be seen."""

    def eye(self, baselines: Baselines) -> Eye:
        """What finds it on one picture after another.

        :param baselines: where pictures are kept.
        """


class Eye(Protocol):
    """Looks for one thing."""

    def find(self, picture: Image) -> tuple[list[Region], str]:
        """Where it is on a picture, from the top; and what was seen, in words."""


@dataclass(frozen=True)
class WrittenText:
    """A text of one line."""

    text: str | re.Pattern[str]
    language: str

    def __str__(self) -> str:
        return f"get_by_text({self.text!r})"

    def eye(self, baselines: Baselines) -> Eye:  # noqa: ARG002 - a text is kept nowhere
        """See `Seeable.eye`."""
        return _Reading(self)


class _Reading:
    def __init__(self, wanted: WrittenText) -> None:
        self._text = wanted.text
        self._readers = [Reader(wanted.language, mode) for mode in (ocr.BLOCK, ocr.SPARSE)]

    def find(self, picture: Image) -> tuple[list[Region], str]:
        """See `Eye.find`."""
        said = ""
        for reader in self._readers:
            reading = reader.read(picture)
            said = said or reading.text[:_SHOWN]
            if places := reading.find(self._text):
                return places, said
        return [], f"there is none; what can be read: {said or 'nothing'}"


@dataclass(frozen=True)
class SmallPicture:
    """A picture of a part."""

    picture: str | os.PathLike[str] | Image
    """A file's that is kept with the baselines, or Pillow's picture."""
    max_diff: float
    """The share of its pixels that may be others, from 0.0 to 1.0."""

    def __str__(self) -> str:
        named = isinstance(self.picture, (str, os.PathLike))
        return f"get_by_image({os.fspath(self.picture)!r})" if named else "get_by_image(...)"

    def eye(self, baselines: Baselines) -> Eye:
        """See `Seeable.eye`.

        :raises UsageError: there is no such file.
        """
        if isinstance(self.picture, (str, os.PathLike)):
            return _Matching(pictures.of_file(baselines.find(self.picture)), self.max_diff)
        return _Matching(self.picture.convert("RGB"), self.max_diff)


class _Matching:
    def __init__(self, wanted: Image, max_diff: float) -> None:
        self._wanted = wanted
        self._max_diff = max_diff

    def find(self, picture: Image) -> tuple[list[Region], str]:
        """See `Eye.find`. A place where it was found is covered, and the next is looked for."""
        found: list[Region] = []
        said = "there is none: the window is smaller"
        while len(found) < _MOST and (best := matching.best(pictures.masked(picture, found), self._wanted)):
            place = best.place
            said = f"there is none; where it fits best, at ({place.left}, {place.top}), {best.difference:.1%} differ"
            if best.difference > self._max_diff or any(_overlap(place, other) for other in found):
                break
            found.append(place)
        return sorted(found, key=lambda place: (place.top, place.left)), said


def _overlap(one: Region, other: Region) -> bool:
    return one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom
