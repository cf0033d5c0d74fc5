"""Reading one picture after another: only what has changed is read again, and the whole is told."""

from __future__ import annotations

import pytest

from pytest_smolvm.guest.screen import ocr, pictures
from pytest_smolvm.guest.screen.ocr import Reader
from pytest_smolvm.guest.screen.region import Region
from tests.guest.screen.conftest import Easel

pytestmark = pytest.mark.tool("tesseract")


def test_what_has_changed_is_read_again(easel: Easel) -> None:
    reader = Reader(ocr.ENGLISH, ocr.BLOCK)
    first = easel.paint(Title_of_a_window=(20, 20), Please_wait=(20, 200), Cancel=(20, 400))
    second = easel.paint(Title_of_a_window=(20, 20), All_is_done=(20, 200), Cancel=(20, 400), Help_and_more=(20, 300))

    assert ["Title of a window", "Please wait", "Cancel"] == reader.read(first).text.splitlines()
    reading = reader.read(second)

    assert ["Title of a window", "All is done", "Help and more", "Cancel"] == reading.text.splitlines()
    (place,) = reading.find("is done")
    assert 198 < place.top < 206
    assert reading == reader.read(second.copy())
    assert [] == reader.read(easel.paint()).find("done")


def test_a_line_is_read_whole_though_only_its_end_has_changed(easel: Easel) -> None:
    reader = Reader(ocr.ENGLISH, ocr.BLOCK)
    reader.read(easel.paint(The_answer_is_no=(20, 100)))

    assert "The answer is yes" == reader.read(easel.paint(The_answer_is_yes=(20, 100))).text


def test_a_screen_of_another_size_is_read_anew(easel: Easel) -> None:
    reader = Reader(ocr.ENGLISH, ocr.BLOCK)
    reader.read(easel.paint(First_screen=(20, 100)))

    assert "Second screen" == reader.read(easel.paint((800, 600), Second_screen=(20, 500))).text


def test_a_place_is_that_of_its_pixels(easel: Easel) -> None:
    """Letters are found where they are, to the pixel or two."""
    picture = easel.paint(Installation_complete=(300, 250))
    (place,) = ocr.read(picture).find("installation complete")

    painted = pictures.difference(picture, easel.paint()).getbbox()

    around = Region(painted[0], painted[1], painted[2] - painted[0], painted[3] - painted[1])
    assert all(abs(found - there) <= 2 for found, there in zip(place, around, strict=True))
