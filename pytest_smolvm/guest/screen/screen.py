"""The screen of a guest: seen, read, compared, and waited for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pytest_smolvm.errors import ScreenError, TimedOut
from pytest_smolvm.guest.screen import matching, ocr, pictures
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.screen.keyboard import Keyboard
from pytest_smolvm.guest.screen.ocr import ENGLISH, Reader, Wanted
from pytest_smolvm.guest.screen.pointer import MODE_SECONDS, Pointer
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.guest.trail import Trail, tells
from pytest_smolvm.host.clock import now
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import PATIENCE, until, until_seen
from pytest_smolvm.machine.display import Display

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")

Area = tuple[int, int, int, int]
"""Left, top, width and height in pixels: a :class:`Region`, or four numbers."""

_MATCH_SECONDS = stretched(10.0)
_LOOK_SECONDS = 0.1
# A new baseline is a picture that has stood still for so long.
_SETTLED_SECONDS = 0.5
# Pixels, width and height: a console's block and a bar in a large font are smaller, and what turns is wider.
_CARET = (10, 40)
_SHOWN = 2000  # characters of a text that was read


@tells(
    "screen",
    lambda screen: screen.trail,
    lambda _: "vm.screen",
    acts=("click", "double_click", "right_click", "drag", "scroll", "press", "type", "click_text"),
    waits=("move", "wait_for_text", "wait_for_image", "wait_until_still", "expect_match"),
)
class Screen(Pointer, Keyboard):
    """What somebody in front of a guest sees and does. Time-outs are in seconds, places in pixels of the screen.

    Pictures take the extra ``pytest-smolvm[screen]``, text takes Tesseract, too; HostError names what is missing.
    Every method raises GuestDied if QEMU has ended, and UsageError for a region that is not on the screen.

    :param display: the machine's.
    :param baselines: where :meth:`expect_match` looks.
    :param trail: where it is told what is done.
    """

    def __init__(self, display: Display, baselines: Baselines, trail: Trail | None = None) -> None:
        super().__init__(display)
        self._baselines = baselines
        self.trail = trail or Trail()

    def save(self, path: str | os.PathLike[str], *, timeout: float | None = None) -> None:
        """Write the screen to a PNG file. This is QEMU's own doing and takes no library.

        :param timeout: seconds that QEMU may take; None: half a minute.
        :raises MonitorError: the file cannot be written.
        """
        self._display.picture(Path(path).absolute(), timeout)

    def pixels(self, *, timeout: float | None = None) -> bytes:
        """The screen as a PPM file has it, uncompressed. This is QEMU's own doing, too, and takes no library.

        :param timeout: seconds that QEMU may take; None: half a minute.
        :raises FileNotFoundError: there is no picture, as while the guest changes its video mode.
        """
        return self._display.pixels(timeout)

    def screenshot(self, region: Area | None = None) -> Image:
        """The screen, or a region of it, as Pillow's picture."""
        return self._seen(region, ())

    def text(self, region: Area | None = None, *, language: str = ENGLISH) -> str:
        """What is written on the screen, line by line from the top, as far as Tesseract can read it.

        :param language: Tesseract's names, joined by plus signs: ``eng+deu``.
        """
        return ocr.read(self.screenshot(region), language).text

    def wait_for_text(
        self, text: Wanted, *, region: Area | None = None, timeout: float = PATIENCE, language: str = ENGLISH
    ) -> Region:
        """Wait until a text can be read on the screen.

        :param text: of one line; small and capital letters are the same, and so are all spaces. Or a compiled pattern.
        :returns: where it is; the first place from the top, if there are several.
        :raises TimedOut: with the text that was read last.
        """
        return self._found(text, region, timeout, language)[0]

    def click_text(
        self,
        text: Wanted,
        *,
        region: Area | None = None,
        timeout: float = PATIENCE,
        button: str = "left",
        language: str = ENGLISH,
    ) -> Region:
        """Wait until a text can be read on the screen, and click on the middle of it.

        :returns: where it is.
        :raises ScreenError: it is there more than once.
        :raises TimedOut: with the text that was read last.
        """
        found = self._found(text, region, timeout, language)
        if len(found) > 1:
            places = ", ".join(f"({place.left}, {place.top})" for place in found)
            raise ScreenError(f"{_named(text)} is on the screen {len(found)} times, at {places}: choose by region=")
        self.click(*found[0].center, button=button)
        return found[0]

    def wait_for_image(
        self,
        picture: str | os.PathLike[str] | Image,
        *,
        region: Area | None = None,
        timeout: float = PATIENCE,
        max_diff: float = 0.0,
    ) -> Region:
        """Wait until a picture is somewhere on the screen.

        :param picture: a file beside the test, or Pillow's picture.
        :param max_diff: the share of its pixels that may be others, from 0.0 to 1.0.
        :returns: where it is.
        :raises TimedOut: it tells where it fitted best, and how badly.
        """
        wanted = self._picture(picture)

        def look(seen: Image) -> tuple[Region | None, str]:
            match = matching.best(seen, wanted)
            if match is None:
                return None, "a screen smaller than the picture"
            place = match.place.moved(*_corner(region))
            said = f"{place.width}x{place.height} pixels at ({place.left}, {place.top})"
            wrong = f"{said}, of which {match.difference:.1%} differ"
            return (place if match.difference <= max_diff else None), wrong

        return until_seen("the picture on the screen", self._when_changed(region, look), timeout)

    def wait_until_still(
        self,
        seconds: float = 1.0,
        *,
        region: Area | None = None,
        mask: Iterable[Area] = (),
        timeout: float = PATIENCE,
    ) -> None:
        """Wait until nothing has changed for so many seconds, but for a caret that blinks.

        :param mask: regions that may change, as a clock.
        :raises TimedOut: it went on changing.
        """
        hidden = [Region(*area) for area in mask]
        last, since = self._seen(region, hidden), now()

        def still() -> bool:
            nonlocal last, since
            seen = self._seen(region, hidden)
            if not pictures.same_but_for(seen, last, _CARET):
                last, since = seen, now()
            return now() - since >= seconds

        until(f"a screen that stands still for {seconds:g} s", still, timeout=timeout, interval=_LOOK_SECONDS)

    def expect_match(
        self,
        name: str,
        *,
        max_diff: float = 0.0,
        mask: Iterable[Area] = (),
        region: Area | None = None,
        timeout: float = _MATCH_SECONDS,
    ) -> None:
        """Wait until the screen, or a region of it, matches a picture that is kept beside the test.

        With ``--smolvm-update-screens`` one that does not match becomes the picture once it stands still.

        :param name: a PNG file's, relative to the directory of the test.
        :param max_diff: the share of pixels that may be others, from 0.0 to 1.0.
        :param mask: regions of the screen that do not matter.
        :raises ScreenMismatch: it does not match, or there is no such picture; the message names what was kept.
        :raises TimedOut: it has to be written, and the screen goes on changing.
        """
        path, hidden = self._baselines.path(name), [Region(*area) for area in mask]
        seen, share = self._compared(path, region, hidden, max_diff, 0.0 if self._baselines.update else timeout)
        if share <= max_diff:
            return
        if not self._baselines.update:
            raise self._baselines.mismatch(path, seen, share, max_diff)
        self.wait_until_still(_SETTLED_SECONDS, region=region, mask=hidden, timeout=timeout)
        self._baselines.write(path, self._seen(region, hidden))

    def _compared(
        self, path: Path, region: Area | None, hidden: list[Region], max_diff: float, timeout: float
    ) -> tuple[Image, float]:
        """What was seen last, and the share of its pixels that are not those of the file; all if there is none."""
        left, top = _corner(region)
        expected = pictures.of_file(path) if path.exists() else None
        if expected is None:
            return self._seen(region, hidden), 1.0
        expected = pictures.masked(expected, [place.moved(-left, -top) for place in hidden])
        last: tuple[Image, float] = expected, 1.0

        def close() -> bool:
            nonlocal last
            seen = self._seen(region, hidden)
            same_size = seen.size == expected.size
            last = seen, pictures.share(pictures.difference(seen, expected)) if same_size else 1.0
            return last[1] <= max_diff

        with suppress(TimedOut):
            until("a screen that matches", close, timeout=timeout, interval=_LOOK_SECONDS)
        return last

    def _found(self, text: Wanted, region: Area | None, timeout: float, language: str) -> list[Region]:
        block, sparse = Reader(language, ocr.BLOCK), Reader(language, ocr.SPARSE)

        def look(seen: Image) -> tuple[list[Region] | None, str]:
            reading = block.read(seen)
            places = reading.find(text) or sparse.read(seen).find(text)
            return [place.moved(*_corner(region)) for place in places] or None, reading.text[:_SHOWN] or "no text"

        return until_seen(f"{_named(text)} on the screen", self._when_changed(region, look), timeout)

    def _when_changed(self, region: Area | None, look: Callable[[Image], tuple[T, str]]) -> Callable[[], tuple[T, str]]:
        """`look`, which takes its time, at the screen: but what has not changed is not looked at again."""
        last: list[tuple[bytes, tuple[T, str]]] = []

        def again() -> tuple[T, str]:
            seen = self._seen(region, ())
            pixels = seen.tobytes()
            if not last or last[0][0] != pixels:
                last[:] = [(pixels, look(seen))]
            return last[0][1]

        return again

    def _seen(self, region: Area | None, hidden: Sequence[Region]) -> Image:
        """The screen or a region of it, with what is hidden in black."""
        seen = pictures.masked(until("a picture of the screen", self._whole, timeout=MODE_SECONDS), hidden)
        return seen if region is None else pictures.cut(seen, Region(*region))

    def _whole(self) -> Image | None:
        try:
            return pictures.of_ppm(self._display.pixels())
        except OSError:  # none, or half of one
            return None

    def _picture(self, picture: str | os.PathLike[str] | Image) -> Image:
        if isinstance(picture, (str, os.PathLike)):
            return pictures.of_file(self._baselines.find(picture))
        return picture.convert("RGB")


def _corner(region: Area | None) -> tuple[int, int]:
    """The left and upper edge of what is looked at."""
    return (0, 0) if region is None else (region[0], region[1])


def _named(text: Wanted) -> str:
    return f"the text {text if isinstance(text, str) else text.pattern!r}"
