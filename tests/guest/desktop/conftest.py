"""A guest's library of the desktop, as its host sees it: it says what it was told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import HostError
from pytest_smolvm.guest.desktop.desktop import Desktop
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.window import Window
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.screen.screen import Screen
from pytest_smolvm.host.waiting import Deadline

WINDOW = {
    "handle": 16,
    "title": "Ordering",
    "class_name": "Dialog",
    "process": 7,
    "ancestors": "5 1",
    "program": "App.exe",
}
PLACE = {"left": 10, "top": 20, "width": 100, "height": 30}
_UNSAID = {"id": 0, "text": "", "checked": -1, "focused": False, "editable": False, "enabled": True, "class_name": "x"}


def control(handle: int, kind: str, parent: int = 16, **said: Any) -> dict[str, Any]:
    """One of the library's answer."""
    return _UNSAID | PLACE | {"handle": handle, "control_type": kind, "parent": parent} | said


def item(number: int, text: str, **said: Any) -> dict[str, Any]:
    """One of those that the library says are inside of a control."""
    unsaid: dict[str, Any] = {"parent": 0, "cells": [], "selected": False, "checked": -1, "expanded": -1}
    return PLACE | unsaid | {"item": number, "text": text} | said


_UNTOLD: dict[str, Any] = {"automation_id": "", "class_name": "", "text": None, "secret": False, "enabled": True}
_UNTOLD |= {"focused": False, "editable": False, "checked": -1, "selected": -1, "expanded": -1}


def element(number: int, kind: str, name: str, parent: int = 0, **told: Any) -> dict[str, Any]:
    """One of those that the library says a window draws."""
    numbered = {"number": number, "parent": parent, "runtime_id": f"42.16.{number}", "control_type": kind, "name": name}
    return _UNTOLD | PLACE | numbered | told


def root(**said: Any) -> dict[str, Any]:
    """The window's own."""
    return control(16, "Window", 0, text="Ordering") | said


class Said:
    """What the library answers.

    :param windows: on the desktop.
    :param controls: of any window that is asked for.
    """

    def __init__(self, *controls: dict[str, Any], windows: Sequence[dict[str, Any]] = (WINDOW | PLACE,)) -> None:
        self.windows = list(windows)
        self.controls = [root(), *controls]
        self.refusals: list[dict[str, str]] = []
        """Answers to actions, one after another; then they are done."""
        self.answers: list[dict[str, Any]] = []
        """Likewise, once nothing is refused."""
        self.looks: list[Callable[[], object]] = []
        """What happens before each look, one after another."""
        self.asked: list[list[str]] = []
        """What was looked at."""
        self.unseen: dict[str, str] = {}
        """What a look says instead."""
        self.gone = False
        """Whether a window that is asked is gone."""
        self.done: list[list[str]] = []
        """What was to be done with controls."""

    def __call__(self, deadline: Deadline, words: Sequence[str | int]) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(json.dumps(self._said(list(map(str, words)))))
        return said

    def _said(self, words: list[str]) -> dict[str, Any]:
        if words[0] != "look":
            self.done.append(words)
            waiting: list[dict[str, Any]] = [*self.refusals[:1], *self.answers[:1], {}]
            del (self.refusals or self.answers)[:1]
            return waiting[0]
        self.asked.append(words)
        if words[1] != "0" and self.looks:
            self.looks.pop(0)()
        if self.unseen:
            return self.unseen
        if words[1] != "0" and self.gone:
            return {"refused": "gone", "reason": "the window was closed"}
        controls = {"controls": self.controls} if words[1] in [str(window["handle"]) for window in self.windows] else {}
        return {"windows": self.windows} | controls


@pytest.fixture
def said() -> Said:
    return Said(
        control(17, "Text", text="&Name:"),
        control(18, "Edit", text="Ada", id=101, editable=True),
        control(19, "Group", text="Size"),
        control(20, "RadioButton", 19, text="Sma&ll", checked=0, id=104),
        control(21, "Button", text="R&&D", id=9, enabled=False),
        control(22, "Button", text="Same"),
        control(23, "Button", text="Same"),
    )


@pytest.fixture
def helper(said: Said) -> DesktopHelper:
    return DesktopHelper(said)


@pytest.fixture
def baselines(tmp_path: Path) -> Baselines:
    return Baselines(lambda: tmp_path)


@pytest.fixture
def desktop(helper: DesktopHelper, baselines: Baselines) -> Desktop:
    def spawn(words: object) -> None:
        raise AssertionError(words)

    def unseen() -> Screen:
        raise HostError("there is no picture")

    return Desktop(helper, spawn, baselines, unseen)  # type: ignore[arg-type]


@pytest.fixture
def window(desktop: Desktop) -> Window:
    return desktop.window(title="Ordering")
