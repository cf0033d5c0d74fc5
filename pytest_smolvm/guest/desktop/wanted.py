"""What windows and controls are looked for by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.desktop.controls import Control, TopWindow

Words = str | re.Pattern[str]
"""A text as it is, or a pattern that is in it."""


class LocatorStep(Protocol):
    """One step on the way to a control."""

    def of(self, controls: Sequence[Control]) -> list[Control]:
        """Where it leads from these."""


@dataclass(frozen=True)
class Wanted:
    """A step to what is in a control and is such; what is None does not matter.

    Where a label and the control that it names are both such, it leads to the control.
    """

    name: Words | None = None
    automation_id: str | None = None
    control_type: str | None = None
    class_name: str | None = None

    def __post_init__(self) -> None:
        if not _given(self):
            raise UsageError("get_by() needs one of name=, automation_id=, control_type=, class_name=")

    def of(self, controls: Sequence[Control]) -> list[Control]:
        """See `LocatorStep.of`."""
        inside = {each.key: each for control in controls for each in control.walk() if self._is(each)}
        found = list(inside.values())
        labelled = {each.name for each in found if each.has_label} if self.control_type is None else set()
        return [each for each in found if each.control_type != "Text" or each.name not in labelled]

    def __str__(self) -> str:
        return f"get_by({_given(self)})"

    def _is(self, control: Control) -> bool:
        return (
            fits(self.name, control.name)
            and self.automation_id in (None, control.automation_id)
            and same(self.control_type, control.control_type)
            and same(self.class_name, control.class_name)
        )


@dataclass(frozen=True)
class Filter:
    """A step to those that are such; what is None does not matter."""

    has_text: Words | None = None
    checked: bool | None = None
    selected: bool | None = None
    enabled: bool | None = None

    def __post_init__(self) -> None:
        if not _given(self):
            raise UsageError("filter() needs one of has_text=, checked=, selected=, enabled=")

    def of(self, controls: Sequence[Control]) -> list[Control]:
        """See `LocatorStep.of`."""
        return [each for each in controls if self._is(each)]

    def __str__(self) -> str:
        return f"filter({_given(self)})"

    def _is(self, control: Control) -> bool:
        return (
            (self.has_text is None or any(_has(self.has_text, each) for each in (control, *control.walk())))
            and self.checked in (None, control.checked)
            and self.selected in (None, control.selected)
            and self.enabled in (None, control.enabled)
        )


@dataclass(frozen=True)
class Nth:
    """A step to one of several."""

    index: int

    def of(self, controls: Sequence[Control]) -> list[Control]:
        """See `LocatorStep.of`."""
        there = -len(controls) <= self.index < len(controls)
        return [controls[self.index]] if there else []

    def __str__(self) -> str:
        return f"nth({self.index})"


@dataclass(frozen=True)
class WantedWindow:
    """What a window is to be; what is None does not matter."""

    title: Words | None = None
    process: int | str | None = None
    """A process id, or the file name of a program, with or without its extension."""
    class_name: str | None = None
    handle: int | None = None

    def among(self, windows: Iterable[TopWindow]) -> list[TopWindow]:
        """Those that are such."""
        return [window for window in windows if self._is(window)]

    def __str__(self) -> str:
        return f"window({_given(self)})"

    def _is(self, window: TopWindow) -> bool:
        program = window.program.lower()
        return (
            fits(self.title, window.title)
            and (self.process is None or self.process == window.process or self._program in (program, program[:-4]))
            and same(self.class_name, window.class_name)
            and self.handle in (None, window.handle)
        )

    @property
    def _program(self) -> str | None:
        return self.process.lower() if isinstance(self.process, str) else None


def fits(wanted: Words | None, text: str) -> bool:
    """Whether a text is the one that is wanted, or has the pattern in it."""
    if isinstance(wanted, re.Pattern):
        return wanted.search(text) is not None
    return wanted in (None, text)


def _has(wanted: Words, control: Control) -> bool:
    """Whether a text is somewhere in what is written on a control or in it; small and capital letters are the same."""
    pattern = wanted if isinstance(wanted, re.Pattern) else re.compile(re.escape(wanted), re.IGNORECASE)
    return any(pattern.search(text) for text in (control.name, control.text or "", *control.cells))


def same(wanted: str | None, name: str) -> bool:
    """Names of classes and kinds have no capital letters for Windows."""
    return wanted is None or wanted.lower() == name.lower()


def _given(wanted: Wanted | Filter | WantedWindow) -> str:
    given = ((each.name, getattr(wanted, each.name)) for each in fields(wanted))
    return ", ".join(f"{name}={value!r}" for name, value in given if value is not None)
