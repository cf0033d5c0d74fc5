"""Much data of which the last is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pytest_smolvm.host.spool import Spool


def test_the_last_is_kept_and_the_first_goes() -> None:
    spool = Spool(80)
    tickets = [spool.put(bytes([number]) * 6) for number in range(20)]

    assert [None] * 12 == [spool.get(ticket) for ticket in tickets[:12]]
    assert [bytes([number]) * 6 for number in range(12, 20)] == [spool.get(ticket) for ticket in tickets[12:]]
    assert [False] * 12 + [True] * 8 == [spool.holds(ticket) for ticket in tickets]


def test_what_is_larger_than_a_part_is_kept_whole() -> None:
    spool = Spool(8)

    assert b"0123456789" == spool.get(spool.put(b"0123456789"))


def test_nothing_is_left_of_one_that_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is there ever a file that somebody else could see."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spool = Spool(80)
    ticket = spool.put(b"x")
    assert [] == list(tmp_path.iterdir())

    spool.close()

    assert spool.get(ticket) is None
    assert not spool.holds(ticket)
