"""The clipboard is read and written by the library."""

from __future__ import annotations

import pytest

from pytest_smolvm import TimedOut, UsageError
from pytest_smolvm.guest.desktop.desktop import Desktop
from tests.guest.desktop.conftest import Said


@pytest.mark.parametrize("text", ["Grüße\r\n😀", "", None])
def test_its_text(desktop: Desktop, said: Said, text: str | None) -> None:
    said.answers = [{"text": text}]

    assert text == desktop.clipboard.text()
    assert [["paste", "0"]] == said.done


def test_it_is_given_a_text(desktop: Desktop, said: Said) -> None:
    desktop.clipboard.set_text("a\nb")

    assert [["copy", "0", "a\nb"]] == said.done
    with pytest.raises(UsageError, match="NUL"):
        desktop.clipboard.set_text("a\0b")


def test_another_program_that_keeps_it_is_a_time_out(desktop: Desktop, said: Said) -> None:
    said.refusals = [{"refused": "silent", "reason": "another program has the clipboard open: Other"}]

    with pytest.raises(TimedOut, match="read the clipboard: not within 2 s; last seen: another program has"):
        desktop.clipboard.text(timeout=2)
