"""The end of Windows' event logs, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pytest_smolvm.guest.system import events

EVENT = {
    "at": "2026-11-27 18:40:01",
    "log": "System",
    "source": "Service Control Manager",
    "id": 7000,
    "level": "Error",
    "text": "The service did not start.\r\nIt was not found.",
}
TOLD = """\
2026-11-27 18:40:01  System  Service Control Manager 7000  Error
  The service did not start.
  It was not found."""


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, None),
        ({"unread": [], "events": []}, "no errors"),
        ({"unread": ["System: gone"], "events": []}, "cannot be read: System: gone"),
        (
            {"unread": [], "events": [EVENT]},
            TOLD,
        ),
        (
            {"unread": [], "events": [EVENT, {**EVENT, "log": "Application", "text": ""}]},
            f"{TOLD}\n2026-11-27 18:40:01  Application  Service Control Manager 7000  Error",
        ),
    ],
)
def test_events_are_told_a_paragraph_each(found: Any, expected: str | None) -> None:
    asked: list[Sequence[Any]] = []

    def run_json(script: str, args: Sequence[Any]) -> Any:
        asked.append(args)
        return found

    assert expected == events.tail(run_json)
    assert [[events.MOST]] == asked
