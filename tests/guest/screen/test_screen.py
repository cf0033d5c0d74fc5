"""The screen: seen, read, waited for, compared."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from pytest_smolvm.errors import HostError, ScreenError, ScreenMismatch, TimedOut, ToolError, UsageError
from pytest_smolvm.guest.screen.region import Region
from tests.guest.screen.conftest import Easel

SOON, LATE = 0.2, 20.0
GONE: Any = None  # what importing a module of this name then fails for
reads = pytest.mark.tool("tesseract")


def spotted(size: tuple[int, int], seed: int = 1) -> Any:
    """A picture of which no two parts are the same."""
    import random

    from PIL import Image

    return Image.frombytes("RGB", size, random.Random(seed).randbytes(3 * size[0] * size[1]))


def with_box(picture: Any, box: tuple[int, int, int, int]) -> Any:
    """A picture with a white box: left, top, right, bottom."""
    picture.paste((255, 255, 255), box)
    return picture


def test_a_screenshot_is_what_is_on_the_screen(easel: Easel) -> None:
    picture = easel.paint(hello=(10, 10))

    assert picture.tobytes() == easel.screen.screenshot().tobytes()
    assert (100, 20) == easel.screen.screenshot((5, 5, 100, 20)).size


def test_a_picture_that_is_not_there_yet_is_waited_for(easel: Easel) -> None:
    picture = easel.pictures.pop()
    Timer(SOON, easel.pictures.append, [picture]).start()

    assert picture.tobytes() == easel.screen.screenshot().tobytes()


def test_a_file_of_it(easel: Easel, tmp_path: Path) -> None:
    from PIL import Image

    easel.screen.save(tmp_path / "seen.png")

    assert easel.pictures[0].tobytes() == Image.open(tmp_path / "seen.png").tobytes()


@pytest.mark.parametrize("region", [(600, 0, 41, 10), (0, 0, 0, 10), (-1, 0, 10, 10), (0, 470, 10, 11)])
def test_a_region_that_is_not_on_the_screen(easel: Easel, region: tuple[int, int, int, int]) -> None:
    with pytest.raises(UsageError, match="is not on the screen, which has 640x480 pixels"):
        easel.screen.screenshot(region)


@reads
def test_what_is_written_is_read_from_the_top(easel: Easel) -> None:
    easel.paint(Second_line=(100, 300), First_line_of_text=(20, 50))

    assert "First line of text\nSecond line" == easel.screen.text()
    assert "Second line" == easel.screen.text(region=(0, 250, 640, 200))


@reads
@pytest.mark.parametrize("wanted", ["Save as", "save AS", "Save  as", "ve a"])
def test_a_text_is_waited_for(easel: Easel, wanted: str) -> None:
    with_text = easel.paint(Open_file=(50, 40), Save_as_picture=(50, 200))
    easel.paint()
    Timer(SOON, easel.pictures.append, [with_text]).start()

    place = easel.screen.wait_for_text(wanted, timeout=LATE)

    assert 45 < place.left < 55 < place.right < 100
    assert 195 < place.top < 205 < place.bottom < 215


@reads
def test_a_text_in_a_region_is_told_in_pixels_of_the_screen(easel: Easel) -> None:
    easel.paint(Ready=(300, 40), Finished=(300, 400))

    assert 395 < easel.screen.wait_for_text("Finished", region=(280, 380, 200, 60), timeout=LATE).top < 405
    with pytest.raises(TimedOut):
        easel.screen.wait_for_text("Ready", region=(280, 380, 200, 60), timeout=SOON)


@reads
def test_a_text_that_never_comes(easel: Easel) -> None:
    easel.paint(Access_denied=(50, 40))

    with pytest.raises(TimedOut, match=r"the text 'Welcome' on the screen: not within 0.2 s; last seen: Access denied"):
        easel.screen.wait_for_text("Welcome", timeout=SOON)


@reads
def test_a_text_is_clicked_in_its_middle(easel: Easel) -> None:
    easel.paint(Cancel=(400, 300), Apply=(500, 300))

    place = easel.screen.click_text("Cancel", timeout=LATE)

    x, y = place.center
    assert 410 < x < 425
    assert 300 < y < 312
    assert [x * 0x8000 // 640, y * 0x8000 // 480] <= [event["data"]["value"] for event in easel.events[:2]]


@reads
def test_a_text_that_is_there_twice_is_not_clicked(easel: Easel) -> None:
    easel.paint(Delete_file=(100, 100), Delete_folder=(100, 300))

    with pytest.raises(ScreenError, match=r"the text 'delete' is on the screen 2 times, at \(\d+, \d+\), \(\d+, \d+\)"):
        easel.screen.click_text("delete", timeout=LATE)

    assert [] == easel.events


def test_tesseract_is_missing(easel: Easel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(
        HostError, match="tesseract is not installed; on Debian or Ubuntu: apt-get install tesseract-ocr"
    ):
        easel.screen.text()


@reads
def test_a_language_is_missing(easel: Easel) -> None:
    with pytest.raises(ToolError, match="tlh"):
        easel.screen.text(language="tlh")


@pytest.mark.parametrize(("library", "package"), [("PIL", "python3-pil"), ("numpy", "python3-numpy")])
def test_a_library_is_missing(easel: Easel, monkeypatch: pytest.MonkeyPatch, library: str, package: str) -> None:
    small = easel.screen.screenshot((0, 0, 5, 5))
    monkeypatch.setitem(sys.modules, library, GONE)

    with pytest.raises(HostError, match=rf"pip install 'pytest-smolvm\[screen\]'.*apt-get install {package}$"):
        easel.screen.wait_for_image(small)


def test_a_click_needs_no_library(easel: Easel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    easel.pictures[0].tobytes()
    sizes = easel.screen.size
    for library in ("PIL", "numpy"):
        monkeypatch.setitem(sys.modules, library, GONE)

    easel.screen.click(5, 5)

    assert (640, 480) == sizes
    assert easel.events


def test_a_picture_is_found(easel: Easel, tmp_path: Path) -> None:
    whole = spotted((640, 480))
    easel.pictures[:] = [whole]
    wanted = whole.crop((417, 233, 450, 260))
    wanted.save(tmp_path / "tests" / "button.png")

    for picture in (wanted, "button.png", tmp_path / "tests" / "button.png"):
        assert Region(417, 233, 33, 27) == easel.screen.wait_for_image(picture, timeout=SOON)
    assert Region(417, 233, 33, 27) == easel.screen.wait_for_image(wanted, region=(400, 200, 100, 100), timeout=SOON)


def test_a_picture_that_is_nearly_there(easel: Easel) -> None:
    easel.pictures[:] = [spotted((640, 480))]
    wanted = easel.pictures[0].crop((100, 100, 120, 110))
    wanted.putpixel((3, 3), (0, 255, 0))

    with pytest.raises(TimedOut, match=r"last seen: 20x10 pixels at \(100, 100\), of which 0.5% differ"):
        easel.screen.wait_for_image(wanted, timeout=SOON)

    assert (100, 100) == easel.screen.wait_for_image(wanted, max_diff=0.005, timeout=SOON)[:2]


def test_a_picture_that_is_larger_than_the_screen(easel: Easel) -> None:
    with pytest.raises(TimedOut, match="a screen smaller than the picture"):
        easel.screen.wait_for_image(spotted((641, 10)), timeout=SOON)


def test_a_picture_that_is_no_file(easel: Easel) -> None:
    with pytest.raises(UsageError, match=r"gone\.png is no picture that can be read"):
        easel.screen.wait_for_image("gone.png")


def test_a_screen_is_still_when_it_has_not_changed_for_a_while(easel: Easel) -> None:
    easel.pictures[:] = [spotted((640, 480), seed) for seed in range(4)]

    easel.screen.wait_until_still(SOON, timeout=LATE)

    assert 1 == len(easel.pictures)


def test_a_screen_that_goes_on_changing(easel: Easel) -> None:
    """But for a mask, or elsewhere than in a region."""
    easel.pictures[:] = [easel.paint(), with_box(easel.paint(), (100, 100, 111, 110))] * 500

    with pytest.raises(TimedOut, match="a screen that stands still for 1 s"):
        easel.screen.wait_until_still(timeout=SOON)

    easel.screen.wait_until_still(SOON, mask=[(100, 100, 11, 10)], timeout=LATE)
    easel.screen.wait_until_still(SOON, region=(0, 0, 100, 480), timeout=LATE)


def test_a_caret_that_blinks(easel: Easel) -> None:
    easel.pictures[:] = [easel.paint(), with_box(easel.paint(), (100, 100, 110, 140))] * 500

    easel.screen.wait_until_still(SOON, timeout=LATE)


def test_a_caret_that_moves_on(easel: Easel) -> None:
    """Each step is smaller than a caret, and somebody is writing all the same."""
    easel.pictures[:] = [with_box(easel.paint(), (0, 100, 6 * step, 110)) for step in range(1, 100)]

    with pytest.raises(TimedOut):
        easel.screen.wait_until_still(1, timeout=3)


def test_a_baseline_is_written_when_that_is_asked_for(easel: Easel, tmp_path: Path) -> None:
    baseline = tmp_path / "tests" / "screens" / "start.png"
    with pytest.raises(
        ScreenMismatch, match=r"there is no baseline .*screens/start.png; --smolvm-update-screens writes it"
    ):
        easel.screen.expect_match("screens/start.png")
    assert not baseline.exists()

    easel.baselines.update = True
    easel.screen.expect_match("screens/start.png")
    easel.baselines.update = False

    assert baseline.exists()
    easel.screen.expect_match("screens/start.png", timeout=0)
    easel.paint(Another_screen=(10, 10))
    with pytest.raises(ScreenMismatch):
        easel.screen.expect_match("screens/start.png", timeout=0)


def test_a_baseline_that_matches_stays_as_it_is(easel: Easel, tmp_path: Path) -> None:
    easel.baselines.update = True
    easel.screen.expect_match("a.png")
    before = (tmp_path / "tests" / "a.png").stat()
    easel.pictures[0].putpixel((0, 0), (1, 1, 1))

    easel.screen.expect_match("a.png", max_diff=0.01)
    assert before.st_mtime_ns == (tmp_path / "tests" / "a.png").stat().st_mtime_ns

    easel.screen.expect_match("a.png")
    assert before.st_mtime_ns != (tmp_path / "tests" / "a.png").stat().st_mtime_ns


def test_a_screen_comes_to_match(easel: Easel, tmp_path: Path) -> None:
    later = easel.paint(Done=(10, 10))
    later.save(tmp_path / "tests" / "done.png")
    easel.paint()
    Timer(SOON, easel.pictures.append, [later]).start()

    easel.screen.expect_match("done.png")


def test_what_differs_is_kept_and_shown(easel: Easel, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "results").mkdir()
    easel.baselines.results = lambda: tmp_path / "results"
    easel.pictures[0].save(tmp_path / "tests" / "a.png")
    easel.pictures[0].paste((9, 9, 9), (100, 50, 164, 80))

    with pytest.raises(
        ScreenMismatch, match=r"a.png differs from the screen in 0.625% of its pixels, and 0.600% may; see "
    ):
        easel.screen.expect_match("a.png", timeout=SOON, max_diff=0.006)

    assert {"a-actual.png", "a-expected.png", "a-diff.png"} == {path.name for path in (tmp_path / "results").iterdir()}
    with Image.open(tmp_path / "results" / "a-diff.png") as shown:
        assert [(255, 0, 0)] * 2 == [shown.getpixel((100, 50)), shown.getpixel((163, 79))]
        assert shown.getpixel((99, 50)) == shown.getpixel((164, 79)) != (255, 0, 0)
    easel.screen.expect_match("a.png", max_diff=0.00625)
    easel.screen.expect_match("a.png", mask=[(100, 50, 64, 30)])
    easel.screen.expect_match("a.png", mask=[(100, 50, 32, 30), (132, 50, 32, 30)])


def test_a_baseline_of_a_region(easel: Easel) -> None:
    easel.pictures[:] = [spotted((640, 480))]
    easel.baselines.update = True
    easel.screen.expect_match("part.png", region=(50, 60, 40, 30))
    easel.baselines.update = False
    easel.pictures[0].putpixel((55, 66), (1, 2, 3))

    with pytest.raises(ScreenMismatch):
        easel.screen.expect_match("part.png", region=(50, 60, 40, 30), timeout=SOON)
    easel.screen.expect_match("part.png", region=(50, 60, 40, 30), mask=[(55, 66, 1, 1)])


def test_a_screen_of_another_size(easel: Easel, tmp_path: Path) -> None:
    easel.pictures[0].save(tmp_path / "tests" / "a.png")
    easel.paint((800, 600))

    with pytest.raises(ScreenMismatch, match=r"a\.png has 640x480 pixels, the screen 800x600"):
        easel.screen.expect_match("a.png", timeout=SOON)


def test_pictures_that_cannot_be_kept_are_no_other_error(easel: Easel, tmp_path: Path) -> None:
    easel.baselines.results = lambda: tmp_path / "gone"
    easel.pictures[0].save(tmp_path / "tests" / "a.png")
    easel.paint(Other=(10, 10))

    with pytest.raises(ScreenMismatch, match=r"its pictures could not be kept: .*No such file or directory"):
        easel.screen.expect_match("a.png", timeout=SOON)


def test_a_baseline_is_a_png_file(easel: Easel) -> None:
    with pytest.raises(UsageError, match=r"'a.jpg' is no name of a baseline: it must end in .png"):
        easel.screen.expect_match("a.jpg")
