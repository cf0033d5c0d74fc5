"""Pictures and films of a screen, read back by Pillow."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from pytest_smolvm.guest.screen.album import Album
from pytest_smolvm.guest.screen.film import Film
from pytest_smolvm.guest.screen.png import Pixels, encoded


def screens(count: int, size: tuple[int, int] = (97, 61)) -> list[Image.Image]:
    """Each differs from the one before in a rectangle somewhere."""
    dice = random.Random(4711)
    picture, found = Image.new("RGB", size, "navy"), []
    for _ in range(count):
        left, top = dice.randrange(size[0]), dice.randrange(size[1])
        colour = tuple(dice.randrange(256) for _ in range(3))
        picture.paste(colour, (left, top, left + dice.randint(1, 30), top + dice.randint(1, 30)))
        found.append(picture.copy())
    return found


def ppm(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PPM")
    return file.getvalue()


def played(path: Path) -> list[tuple[bytes, float]]:
    """What is seen, and for how many milliseconds."""
    with Image.open(path) as film:
        return [(frame.convert("RGB").tobytes(), frame.info["duration"]) for frame in ImageSequence.Iterator(film)]


def test_a_picture_is_what_it_was() -> None:
    (picture,) = screens(1)

    assert picture.tobytes() == Image.open(io.BytesIO(encoded(Pixels.of_ppm(ppm(picture))))).tobytes()


@pytest.mark.parametrize("ppm", [b"", b"P6\n2 2\n255\n" + bytes(11), b"P5\n2 2\n255\n" + bytes(12), b"P6\n0 0\n255\n"])
def test_half_a_picture_is_none(ppm: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it is whatever of it was missing
        Pixels.of_ppm(ppm)


def test_a_film_shows_each_change_for_as_long_as_it_was_there(tmp_path: Path) -> None:
    film, pictures = Film(), screens(40)
    for number, picture in enumerate(pictures):
        film.add(ppm(picture), number / 2)
        film.add(ppm(picture), number / 2 + 0.25)

    assert film.write(tmp_path / "film.png", 25.0)

    assert [(picture.tobytes(), 500.0) for picture in pictures[:-1]] == played(tmp_path / "film.png")[:-1]
    assert (pictures[-1].tobytes(), 5500.0) == played(tmp_path / "film.png")[-1]


def test_a_screen_that_changes_its_size_leaves_nothing_of_the_larger_one(tmp_path: Path) -> None:
    film = Film()
    large, small = Image.new("RGB", (40, 30), "red"), Image.new("RGB", (20, 10), "green")
    for number, picture in enumerate((small, large, small)):
        film.add(ppm(picture), float(number))

    film.write(tmp_path / "film.png", 3.0)

    around = Image.new("RGB", (40, 30))
    around.paste(small, (0, 0))
    seen = [pixels for pixels, shown in played(tmp_path / "film.png") if shown > 10]
    assert [around.tobytes(), large.tobytes(), around.tobytes()] == seen


def test_of_a_long_film_the_end_is_kept(tmp_path: Path) -> None:
    film, pictures = Film(most_bytes=20_000), screens(900)
    for number, picture in enumerate(pictures):
        film.add(ppm(picture), float(number))

    film.write(tmp_path / "film.png", 900.0)

    seen = [pixels for pixels, _ in played(tmp_path / "film.png")]
    assert 20 < len(seen) < 600
    assert [picture.tobytes() for picture in pictures[-len(seen) :]] == seen
    assert (tmp_path / "film.png").stat().st_size < 100_000


def test_where_nothing_was_seen_there_is_no_film(tmp_path: Path) -> None:
    film = Film()

    assert not film.write(tmp_path / "film.png", 1.0)
    assert not (tmp_path / "film.png").exists()


def test_an_album_keeps_a_picture_once() -> None:
    first, second = screens(2)
    shown = iter([first, first, second])
    album = Album(lambda: ppm(next(shown)))

    taken = [album.take() for _ in range(3)]

    assert taken[0] is taken[1]
    files = [album.png(each) for each in taken]
    assert [first.tobytes(), first.tobytes(), second.tobytes()] == [
        Image.open(io.BytesIO(file or b"")).tobytes() for file in files
    ]
    album.close()
    assert album.png(taken[0]) is None


def test_an_album_keeps_many_pictures() -> None:
    pictures = screens(40)
    shown = iter(pictures)
    album = Album(lambda: ppm(next(shown)))

    taken = [album.take() for _ in pictures]

    files = [album.png(each) for each in taken]
    assert [each.tobytes() for each in pictures] == [Image.open(io.BytesIO(file or b"")).tobytes() for file in files]
    album.close()


def test_pictures_that_nobody_wants_any_more_are_forgotten() -> None:
    first, second = screens(2)
    shown = iter([first, second])
    album = Album(lambda: ppm(next(shown)))
    taken = album.take()
    album.forget()

    assert album.png(taken) is None
    assert album.png(album.take()) is not None
    album.close()


def test_a_picture_that_is_hardly_old_need_not_be_taken_again() -> None:
    first, second = screens(2)
    shown = iter([first, second])
    album = Album(lambda: ppm(next(shown)))

    taken = [album.take(freshness=60.0), album.take(freshness=60.0), album.take()]

    assert taken[0] is taken[1]
    assert taken[1] is not taken[2]
    album.close()


def test_half_a_picture_is_not_in_the_album() -> None:
    album = Album(lambda: b"P6\n2 2\n255\n")

    assert album.png(album.take()) is None

    album.close()
