"""What is written on a picture, read by Tesseract."""

from __future__ import annotations

import csv
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_smolvm.guest.screen import pictures
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.host import programs

if TYPE_CHECKING:
    from PIL.Image import Image

ENGLISH = "eng"
"""Tesseract's name of the language that is read if nobody says otherwise."""
# Letters of a user interface are some ten pixels high; Tesseract was trained on such of thirty and more.
_SCALE = 3
BLOCK, SPARSE = "6", "11"
"""Tesseract's ways to see a picture: as lines from edge to edge, or as words here and there.

As pages of a book, its own choice, it leaves out lone words and light ones on a dark ground.
"""
# Rows above and below what has changed that are read again: a letter is not cut.
_MARGIN = 16
_WORD = "5"
_WORDS = re.compile(r"\s+")

Wanted = str | re.Pattern[str]
"""A text that is looked for: small and capital letters are the same, and so are all spaces. Or a pattern."""


@dataclass(frozen=True)
class Word:
    """A word on a picture."""

    text: str
    place: Region


@dataclass(frozen=True)
class Reading:
    """What is written on a picture, line by line from the top."""

    lines: tuple[tuple[Word, ...], ...]

    @property
    def text(self) -> str:
        """All of it, with a line end after each line but the last."""
        return "\n".join(" ".join(word.text for word in line) for line in self.lines)

    def outside(self, top: int, bottom: int) -> tuple[tuple[Word, ...], ...]:
        """The lines that are wholly above or below these rows."""
        around = ((line, Region.around(word.place for word in line)) for line in self.lines)
        return tuple(line for line, whole in around if whole.bottom <= top or bottom <= whole.top)

    def moved(self, down: int) -> Reading:
        """The same, so many rows further down."""
        return Reading(tuple(tuple(Word(word.text, word.place.moved(0, down)) for word in line) for line in self.lines))

    def find(self, wanted: Wanted) -> list[Region]:
        """Where a text is, which has to be in one line. A place is that of whole words, also for a part of them."""
        return [place for line in self.lines for place in _found(line, _pattern(wanted))]


class Reader:
    """Reads one picture of a screen after another; of each only the rows that are not as they were.

    :param mode: :data:`BLOCK` or :data:`SPARSE`.
    """

    def __init__(self, language: str, mode: str) -> None:
        self._language = language
        self._mode = mode
        self._last: tuple[Image, Reading] | None = None

    def read(self, picture: Image) -> Reading:
        """Read the next one; see the function of this name for what can go wrong."""
        rows = (0, picture.height)
        if self._last is not None and self._last[0].size == picture.size:
            rows = self._to_be_read(self._last[0], picture, self._last[1])
        kept = self._last[1].outside(*rows) if self._last is not None else ()
        found: tuple[tuple[Word, ...], ...] = ()
        if rows[0] < rows[1]:
            strip = pictures.cut(picture, Region(0, rows[0], picture.width, rows[1] - rows[0]))
            found = read(strip, self._language, self._mode).moved(rows[0]).lines
        self._last = picture, Reading(_from_the_top([*kept, *found]))
        return self._last[1]

    def _to_be_read(self, before: Image, now: Image, reading: Reading) -> tuple[int, int]:
        """The first row that has to be read again, and the first below those; lines that were read are not cut."""
        changed = pictures.difference(before, now).getbbox()
        if changed is None:
            return 0, 0
        top, bottom = changed[1] - _MARGIN, changed[3] + _MARGIN
        for line in reading.lines:
            whole = Region.around(word.place for word in line)
            if whole.top < bottom and top < whole.bottom:
                top, bottom = min(top, whole.top - 1), max(bottom, whole.bottom + 1)
        return max(top, 0), min(bottom, now.height)


def read(picture: Image, language: str = ENGLISH, mode: str = BLOCK) -> Reading:
    """Read a picture.

    :param language: Tesseract's names, joined by plus signs: ``eng+deu``.
    :raises HostError: Tesseract is not installed.
    :raises ToolError: it failed, as for a language that is not installed (Debian: tesseract-ocr-deu).
    """
    tesseract = programs.require("tesseract", "tesseract-ocr")
    large = picture.convert("L")
    large = large.resize((large.width * _SCALE, large.height * _SCALE), resample=3)  # Image.BICUBIC
    with tempfile.TemporaryDirectory(prefix="smolvm-ocr-") as scratch:
        file = Path(scratch, "screen.pgm")
        large.save(file)
        command = [tesseract, str(file), "stdout", "--psm", mode, "--dpi", "300", "-l", language, "tsv"]
        # Its threads wait for each other longer than they work.
        table = programs.run("read the screen", command, env={**os.environ, "OMP_THREAD_LIMIT": "1"})
    return Reading(_from_the_top(_lines(table)))


def _from_the_top(lines: Iterable[tuple[Word, ...]]) -> tuple[tuple[Word, ...], ...]:
    return tuple(sorted(lines, key=lambda line: (line[0].place.top, line[0].place.left)))


def _lines(table: str) -> Iterable[tuple[Word, ...]]:
    """The lines that have words in them."""
    found: dict[tuple[str, ...], list[Word]] = {}
    for row in csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["level"] == _WORD and (text := row["text"].strip()):
            left, top, width, height = (int(row[name]) // _SCALE for name in ("left", "top", "width", "height"))
            line = row["block_num"], row["par_num"], row["line_num"]
            found.setdefault(line, []).append(Word(text, Region(left, top, max(width, 1), max(height, 1))))
    return map(tuple, found.values())


def _pattern(wanted: Wanted) -> re.Pattern[str]:
    if isinstance(wanted, re.Pattern):
        return wanted
    return re.compile(r"\s+".join(map(re.escape, _WORDS.split(wanted.strip()))), re.IGNORECASE)


def _found(line: tuple[Word, ...], pattern: re.Pattern[str]) -> Iterator[Region]:
    text, spans = "", []
    for word in line:
        spans.append((len(text), len(text) + len(word.text), word))
        text += f"{word.text} "
    for match in pattern.finditer(text.rstrip()):
        touched = [word.place for start, end, word in spans if start < match.end() and match.start() < end]
        if touched:
            yield Region.around(touched)
