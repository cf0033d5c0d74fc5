"""Which of the words that were read from a menu is an entry that is looked for: reading is not sure of every letter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from pytest_smolvm.guest.screen.ocr import Reading, Word
from pytest_smolvm.guest.screen.region import Region

# How much of an entry has to be read as it is, and by how much less any other may be it.
_ALIKE = 0.7
_APART = 0.1
# Of what is more than the entry: it may be another one, that begins alike.
_MORE = 0.8
_KEY = re.compile(r"^(\S+\+\S+|F\d+|\W+|.)$")
"""What may stand behind an entry: its key, or the mark of one that has others in it."""


def closest(reading: Reading, entry: str, *, among_others: bool) -> Region | None:
    """The words that are most like an entry; None if none are, or several nearly as much.

    :param among_others: whether entries stand side by side, as in a menu bar, rather than in a line each.
    """
    found = sorted(_likeness(reading, entry, among_others), key=lambda pair: -pair[0])
    is_clear = len(found) == 1 or (len(found) > 1 and found[0][0] - found[1][0] >= _APART)
    return found[0][1] if is_clear and found[0][0] >= _ALIKE else None


def _likeness(reading: Reading, entry: str, among_others: bool) -> Iterator[tuple[float, Region]]:
    """From 0.0 to 1.0, of each run of words that may be it."""
    wanted, count = _plain(entry), len(entry.split())
    if not wanted:
        return
    for line in reading.lines:
        runs = [line[start : start + count] for start in range(max(1, len(line) - count + 1))]
        for run in runs if among_others else runs[:1]:
            alike = SequenceMatcher(None, _plain(" ".join(word.text for word in run)), wanted).ratio()
            more = () if among_others else line[len(run) :]
            yield alike * (1.0 if _is_key(more) else _MORE), Region.around(word.place for word in run)


def _is_key(words: Sequence[Word]) -> bool:
    return all(_KEY.match(word.text) for word in words)


def _plain(text: str) -> str:
    """Without what is read wrongly most often: dots, spaces, small and capital letters."""
    return re.sub(r"[\W_]+", "", text).lower()
