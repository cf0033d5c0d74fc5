"""Which of the words that were read is the entry that is looked for."""

from __future__ import annotations

import pytest

from pytest_smolvm.guest.desktop.menu_words import closest
from pytest_smolvm.guest.screen.ocr import Reading, Word
from pytest_smolvm.guest.screen.region import Region


def reading(*lines: str) -> Reading:
    """A word is 10 pixels wide, a line 10 high."""
    return Reading(
        tuple(
            tuple(Word(text, Region(10 * at, 10 * row, 10, 10)) for at, text in enumerate(line.split()))
            for row, line in enumerate(lines)
        )
    )


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ("New", (0, 0, 10, 10)),
        ("Save", (0, 10, 10, 10)),
        ("Save as...", (0, 20, 20, 10)),
        ("save As", (0, 20, 20, 10)),
        ("As rich text", (0, 50, 30, 10)),
        ("Export", (0, 30, 10, 10)),
        ("Absent", None),
        ("", None),
    ],
)
def test_an_entry_of_a_menu_is_a_line_but_for_its_key(entry: str, place: tuple[int, ...] | None) -> None:
    seen = reading("New CtrHN", "Save Ctrl+S", "Save as...", "Export >", "As plain text", "As nich text")

    assert place == closest(seen, entry, among_others=False)


def test_entries_of_a_bar_stand_side_by_side() -> None:
    seen = reading("Fie Edit Tool box Help")

    assert (0, 0, 10, 10) == closest(seen, "File", among_others=True)
    assert (20, 0, 20, 10) == closest(seen, "Toolbox", among_others=True) or closest(
        seen, "Tool box", among_others=True
    )
    assert closest(seen, "View", among_others=True) is None


def test_two_that_are_as_much_alike_are_none() -> None:
    assert closest(reading("Copy", "Copy"), "Copy", among_others=False) is None
