"""What a guest's desktop shows, and what is done on it: its library's answers, as this package has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_smolvm.errors import DesktopError, NoDesktop, TimedOut
from pytest_smolvm.guest.desktop import library
from pytest_smolvm.guest.desktop.controls import Control, TopWindow, tree
from pytest_smolvm.guest.desktop.failures import FailedActions
from pytest_smolvm.guest.desktop.unreachable import ConsentPrompt, DesktopLocked, HigherIntegrity, ProviderHung
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.guest.trail import Trail
from pytest_smolvm.host.waiting import Deadline

_UNREACHABLE: dict[str, type[NoDesktop]] = {
    "locked": DesktopLocked,
    "consent": ConsentPrompt,
    "integrity": HigherIntegrity,
}
"""By what the library says that its refusal is about."""
Asked = Callable[[Deadline, Sequence[str | int]], dict[str, Any]]
"""Asks the library something, which has until a deadline for its answer."""


@dataclass(frozen=True)
class Look:
    """What was on the desktop at one moment."""

    windows: tuple[TopWindow, ...]
    """From the front to the back."""
    tree: Control | None
    """The window that was asked for, with its controls; None if it was not there."""


class DesktopHelper:
    """The library in one guest.

    :param asked: asks it something.
    :param trail: where it is told what is done.
    :raises NoDesktop: with each call, if windows cannot be reached.
    """

    def __init__(self, asked: Asked, trail: Trail | None = None) -> None:
        self._asked = asked
        self.trail = trail or Trail()
        self.failures = FailedActions()
        """What actions that have failed left."""
        self._prepared = False

    def forget(self) -> None:
        """The system that the library was in has ended: it may have to be compiled and loaded anew."""
        self._prepared = False

    def prepare(self) -> None:
        """Have it compiled, unless it was: before the first deadline begins, since that takes a while."""
        if not self._prepared:
            self.look(Deadline(library.COMPILE_SECONDS))
            self._prepared = True

    def look(self, deadline: Deadline, window: int = 0, names: Sequence[str] = ()) -> Look:
        """What is on the desktop.

        :param window: the handle of the one whose controls are wanted.
        :param names: of items that are looked for: of a long list they are seen wherever they are.
        :raises TimedOut: that one's program does not answer.
        """
        answer = self._asked(deadline, ["look", window, *names])
        if answer.get("refused") == "gone":
            # It was closed meanwhile; of others nothing was told.
            return Look(self.look(deadline).windows if window else (), None)
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
        answer = self._asked(deadline, words)
        if answer.get("refused") in ("gone", "not now"):
            return {}, str(answer["reason"])
        self._check(answer, what, deadline)
        if "by" in answer:  # a pattern of UI Automation, a message, or input
            self.trail.note(by=answer["by"])
        return answer, ""

    def _check(self, answer: dict[str, Any], what: str, deadline: Deadline) -> None:
        reason, about = answer.get("reason", ""), answer.get("about", "")
        if answer.get("refused") == "no desktop":
            raise _UNREACHABLE.get(about, NoDesktop)(f"windows of the desktop cannot be reached: {reason}")
        if answer.get("refused") == "silent":
            raise (ProviderHung if about == "provider" else TimedOut)(what, deadline.seconds or 0, reason)
        if "refused" in answer:
            raise DesktopError(f"{what}: {reason}")
