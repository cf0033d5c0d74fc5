"""Pictures of screens, by Pillow: read, cut, compared. It is imported when needed, and named when missing."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_smolvm.errors import HostError, UsageError
from pytest_smolvm.guest.screen.region import Region

if TYPE_CHECKING:
    from PIL.Image import Image

_RED = (255, 0, 0)
_PALE = 0.6
"""How far what is equal fades towards white, where differences are shown."""


@contextmanager
def needed(library: str, package: str) -> Iterator[None]:
    """Import `library` in the block.

    :raises HostError: it is not installed; the message names the extra and Debian's `package`.
    """
    try:
        yield
    except ImportError as exc:
        raise HostError(
            f"{library} is not installed: pip install 'pytest-smolvm[screen]', or on Debian or Ubuntu: "
            f"apt-get install {package}"
        ) from exc


def of_ppm(pixels: bytes) -> Image:
    """The picture that QEMU gave as PPM.

    :raises OSError: it is none, or not whole.
    """
    with needed("Pillow", "python3-pil"):
        from PIL import Image
    picture = Image.open(io.BytesIO(pixels))
    picture.load()
    return picture


def of_file(path: Path) -> Image:
    """The picture in a file, without transparency.

    :raises UsageError: there is none.
    """
    with needed("Pillow", "python3-pil"):
        from PIL import Image
    try:
        return Image.open(path).convert("RGB")
    except OSError as exc:
        raise UsageError(f"{path} is no picture that can be read: {exc}") from exc


def cut(picture: Image, region: Region) -> Image:
    """A part of a picture.

    :raises UsageError: it is not inside.
    """
    width, height = picture.size
    left, top, right, bottom = region.left, region.top, region.right, region.bottom
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise UsageError(f"{region} is not on the screen, which has {width}x{height} pixels")
    return picture.crop((left, top, right, bottom))


def masked(picture: Image, mask: Sequence[Region]) -> Image:
    """A picture whose regions `mask` are black."""
    black = picture.copy() if mask else picture
    for region in mask:
        black.paste(0, (region.left, region.top, region.right, region.bottom))
    return black


def marked(picture: Image, places: Sequence[Region]) -> Image:
    """A picture with a red frame around each of these places, and its number, from 0, if they are several."""
    with needed("Pillow", "python3-pil"):
        from PIL import ImageDraw
    shown = picture.convert("RGB")
    draw = ImageDraw.Draw(shown)
    for number, place in enumerate(places):
        draw.rectangle((place.left - 2, place.top - 2, place.right + 1, place.bottom + 1), outline=_RED, width=2)
        if len(places) > 1:
            draw.text((place.left + 2, place.top + 1), str(number), fill=_RED)
    return shown


def difference(one: Image, other: Image) -> Image:
    """Where two pictures of one size differ: white on black."""
    with needed("Pillow", "python3-pil"):
        from PIL import ImageChops
    red, green, blue = ImageChops.difference(one, other).split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue).point([0] + [255] * 255)


def same_but_for(one: Image, other: Image, size: tuple[int, int]) -> bool:
    """Whether two pictures differ in one place of at most so many pixels, width and height, if at all."""
    if one.size != other.size:
        return False
    place = difference(one, other).getbbox()
    return place is None or (place[2] - place[0] <= size[0] and place[3] - place[1] <= size[1])


def share(where: Image) -> float:
    """How much of a picture is white, from 0.0 to 1.0."""
    width, height = where.size
    differing: float = 1.0 * (width * height - where.histogram()[0]) / (width * height)
    return differing


def shown(picture: Image, where: Image) -> Image:
    """A picture, pale, with what is white in `where` in red."""
    with needed("Pillow", "python3-pil"):
        from PIL import Image
    pale = Image.blend(picture.convert("L").convert("RGB"), Image.new("RGB", picture.size, "white"), _PALE)
    pale.paste(_RED, (0, 0), where)
    return pale
