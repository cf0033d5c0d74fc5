"""Names and characters, and the keys of a US keyboard that they are."""

from __future__ import annotations

import string

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.screen.keys import chord, strokes
from tests.guest.screen.conftest import Easel


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("ctrl+shift+esc", ("ctrl", "shift", "esc")),
        ("Ctrl+S", ("ctrl", "s")),
        ("enter", ("ret",)),
        ("win+r", ("meta_l", "r")),
        ("alt+f4", ("alt", "f4")),
        ("ctrl++", ("ctrl", "shift", "equal")),
        ("+", ("shift", "equal")),
        ("shift+!", ("shift", "1")),
        ("ctrl+alt+del", ("ctrl", "alt", "delete")),
    ],
)
def test_chords(words: str, keys: tuple[str, ...]) -> None:
    assert keys == chord(words)


@pytest.mark.parametrize("words", ["", "ctrl+ctl", "hyper+x", "é", "f13"])
def test_what_is_no_key(words: str) -> None:
    with pytest.raises(UsageError):
        chord(words)


def test_each_printable_character_has_a_key() -> None:
    """And no two of them the same."""
    printable = string.ascii_letters + string.digits + string.punctuation + " \n\t"

    assert len(printable) == len({*strokes(printable)})
    assert [("shift", "a"), ("b",), ("shift", "1"), ("ret",)] == strokes("Ab!\r\n")


def test_a_text_is_typed_key_by_key(easel: Easel) -> None:
    easel.screen.type("aB")

    assert ["+a", "-a", "+shift", "+b", "-b", "-shift"] == easel.typed


def test_keys_of_a_chord_are_let_go_in_reverse(easel: Easel) -> None:
    easel.screen.press("ctrl+shift+esc")

    assert ["+ctrl", "+shift", "+esc", "-esc", "-shift", "-ctrl"] == easel.typed


def test_nothing_of_a_text_is_typed_that_cannot_be(easel: Easel) -> None:
    with pytest.raises(UsageError, match="'ß' in 'Straße' is no key of a US keyboard"):
        easel.screen.type("Straße")

    assert [] == easel.events
