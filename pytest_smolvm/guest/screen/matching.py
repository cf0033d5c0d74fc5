"""Where a small picture is in a large one, by numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_smolvm.guest.screen import pictures
from pytest_smolvm.guest.screen.pictures import needed
from pytest_smolvm.guest.screen.region import Region

if TYPE_CHECKING:
    from PIL.Image import Image


class Match(NamedTuple):
    """A place where a picture may be."""

    place: Region
    difference: float
    """The share of its pixels that are others there, from 0.0 to 1.0."""


def best(screen: Image, wanted: Image) -> Match | None:
    """Where `wanted` fits best; None if it is larger than the screen.

    :raises HostError: numpy or Pillow is missing.
    """
    (width, height), (columns, rows) = screen.size, wanted.size
    if columns > width or rows > height:
        return None
    top, left = _least_squares(screen, wanted)
    place = Region(left, top, columns, rows)
    there = pictures.difference(pictures.cut(screen, place), wanted)
    return Match(place, pictures.share(there))


def _least_squares(screen: Image, wanted: Image) -> tuple[int, int]:
    """The row and column at which the sum of the squares of what differs is the least, in shades of grey.

    That sum is the square of what lies below, less twice the product of both, plus the square of the picture: the first
    comes from running sums, the second from a Fourier transform, for all places at once.
    """
    with needed("numpy", "python3-numpy"):
        import numpy as np
    # Less the mean, so that large sums of nearly the same numbers do not drown what is compared.
    below, picture = (np.asarray(image.convert("L"), dtype=np.float64) - 128 for image in (screen, wanted))
    rows, columns = picture.shape
    height, width = below.shape
    spectrum = np.fft.rfft2(below) * np.conj(np.fft.rfft2(picture, below.shape))
    product = np.fft.irfft2(spectrum, below.shape)[: height - rows + 1, : width - columns + 1]
    sums = np.pad(np.cumsum(np.cumsum(below**2, axis=0), axis=1), ((1, 0), (1, 0)))
    squares = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns] + sums[:-rows, :-columns]
    found = squares - 2 * product
    row, column = np.unravel_index(int(np.argmin(found)), found.shape)
    return int(row), int(column)
