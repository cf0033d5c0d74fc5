"""A part of a screen."""

from collections.abc import Iterable
from typing import NamedTuple, Self


class Region(NamedTuple):
    """A rectangle of a screen, in pixels from its upper left corner."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column that is not in it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row that is not in it."""
        return self.top + self.height

    @property
    def center(self) -> tuple[int, int]:
        """Its middle, as x and y: ``screen.click(*region.center)``."""
        return self.left + self.width // 2, self.top + self.height // 2

    def moved(self, x: int, y: int) -> "Region":
        """The same rectangle, so much further to the right and down."""
        return Region(self.left + x, self.top + y, self.width, self.height)

    @classmethod
    def around(cls, regions: Iterable[Self]) -> Self:
        """The smallest that holds all of these, which are one at least."""
        parts = list(regions)
        left, top = min(part.left for part in parts), min(part.top for part in parts)
        right, bottom = max(part.right for part in parts), max(part.bottom for part in parts)
        return cls(left, top, right - left, bottom - top)
