"""Our library that sees and uses a guest's desktop, and how it is asked; scripts/library is its source."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from pytest_smolvm.errors import DesktopError, NoDesktop, TimedOut
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.desktop.controls import Control, TopWindow, tree
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline

_COMPILE_SECONDS = stretched(300.0)  # half a minute, on an emulated processor that others use, too
# An answer has to be on its way at the deadline; the way itself is not counted.
_WAY_SECONDS = stretched(30.0)
_LEAST = 0.1  # seconds that the library gets even where nothing is left: each wait looks once
_LOADING = "$stdin = [Console]::OpenStandardInput()\n"
_ABSENT = "absent"  # ask.ps1's word


class RunInResident(Protocol):
    """Runs a script in the resident PowerShell."""

    def __call__(
        self, script: str, args: Sequence[Argument], *, stdin: bytes = b"", timeout: float | None = None
    ) -> RunResult:
        """:param timeout: seconds."""


@dataclass(frozen=True)
class Look:
    """What was on the desktop at one moment."""

    windows: tuple[TopWindow, ...]
    """From the front to the back."""
    tree: Control | None
    """The window that was asked for, with its controls; None if it was not there."""


class DesktopHelper:
    """The library in one guest. Each call is one script of the resident PowerShell.

    :param move: moves the guest's pointer to a pixel of the screen, as a device does: what a program does to it, wine
        undoes at times with what it hears from the device.
    :raises NoDesktop: with each call, if windows cannot be reached.
    """

    def __init__(self, run: RunInResident, move: Callable[[int, int], None]) -> None:
        self._run = run
        self.move = move
        self._prepared = False

    def prepare(self) -> None:
        """Have it compiled, unless it was: before the first deadline begins, since that takes a while."""
        if not self._prepared:
            self.look(Deadline(_COMPILE_SECONDS))
            self._prepared = True

    def look(self, deadline: Deadline, window: int = 0, names: Sequence[str] = ()) -> Look:
        """What is on the desktop.

        :param window: the handle of the one whose controls are wanted.
        :param names: of items that are looked for: of a long list they are seen wherever they are.
        :raises TimedOut: that one's program does not answer.
        """
        answer = self._answer(deadline, ["look", window, *names])
        if answer.get("refused") == "gone":
            return Look((), None)
        self._check(answer, "a look at a window", deadline)
        return Look(tuple(map(TopWindow.seen, answer["windows"])), tree(answer.get("controls", [])))

    def act(self, deadline: Deadline, what: str, handle: int, place: Region, *words: str | int) -> str:
        """Do something with a control.

        :param what: in words, for the error.
        :param place: where it was seen; nothing is done if it has moved since.
        :param words: what the library calls it, and what it takes for it.
        :returns: why nothing was done, if it may be done later; empty if it was.
        :raises DesktopError: it cannot be done to such a control.
        :raises TimedOut: the program did not answer; it may have been done in part.
        """
        return self.ask(deadline, what, words[0], handle, *place, *words[1:])[1]

    def ask(self, deadline: Deadline, what: str, *words: str | int) -> tuple[dict[str, Any], str]:
        """Do something, or have something answered.

        :returns: the answer, or why nothing was done, if it may be done later.
        :raises DesktopError: as `act` does.
        """
        answer = self._answer(deadline, words)
        if answer.get("refused") in ("gone", "not now"):
            return {}, str(answer["reason"])
        self._check(answer, what, deadline)
        return answer, ""

    def _check(self, answer: dict[str, Any], what: str, deadline: Deadline) -> None:
        reason = answer.get("reason", "")
        if answer.get("refused") == "no desktop":
            raise NoDesktop(f"windows of the desktop cannot be reached: {reason}")
        if answer.get("refused") == "silent":
            raise TimedOut(what, deadline.seconds or 0, reason)
        if "refused" in answer:
            raise DesktopError(f"{what}: {reason}")

    def _answer(self, deadline: Deadline, words: Sequence[str | int]) -> dict[str, Any]:
        said = self._asked(deadline, words)
        if said == _ABSENT:
            load = _LOADING + powershell.text_of("library")
            self._run(load, [], stdin=powershell.loading(library()), timeout=_COMPILE_SECONDS).check()
            said = self._asked(deadline, words)
        answer: dict[str, Any] = json.loads(said)
        return answer

    def _asked(self, deadline: Deadline, words: Sequence[str | int]) -> str:
        seconds = max(deadline.at_most(_COMPILE_SECONDS), _LEAST)
        args: list[Argument] = [powershell.library_name(library()), int(seconds * 1000), *map(str, words)]
        return self._run(_ask(), args, timeout=seconds + _WAY_SECONDS).check().stdout


@cache
def _ask() -> str:
    return (files(__package__) / "scripts" / "ask.ps1").read_text(encoding="ascii")


@cache
def library() -> str:
    """The library's source: C# 5, as every Windows compiles it."""
    sources = sorted((files(__package__) / "scripts" / "library").iterdir(), key=lambda entry: entry.name)
    return "\n".join(entry.read_text(encoding="ascii") for entry in sources)
