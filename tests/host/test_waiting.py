"""Waits tell the last state they saw."""

from __future__ import annotations

import pytest

from pytest_smolvm.errors import TimedOut
from pytest_smolvm.host import waiting
from tests.frozen import frozen


def test_a_predicate_is_told_with_what_it_returned_last() -> None:
    with pytest.raises(TimedOut, match=r"the list: not within 0.05 s; last seen: \[\]"):
        waiting.until_true(list, 0.05, "the list")


def test_false_values_are_seen_values() -> None:
    assert 0 == waiting.until_seen("zero", lambda: (0, ""), 1)


def test_a_wait_ends_while_a_test_has_stopped_the_clock() -> None:
    with frozen(), pytest.raises(TimedOut):
        waiting.until("nothing", lambda: False, timeout=0.1)
