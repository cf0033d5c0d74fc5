"""The clipboard of a guest's desktop."""

from __future__ import annotations

from typing import Any

from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.texts import sendable
from pytest_smolvm.guest.trail import tells
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline

_CLIPBOARD_SECONDS = stretched(30.0)


@tells("desktop", lambda board: board._helper.trail, lambda _: "vm.desktop.clipboard", acts=("set_text",))
class Clipboard:
    """What was copied, as far as it is text. Another program that has it open is waited for; time-outs are in seconds.

    Both raise NoDesktop, and TimedOut if the clipboard stays open, or its owner does not say what is in it.
    """

    def __init__(self, helper: DesktopHelper) -> None:
        self._helper = helper

    def text(self, *, timeout: float = _CLIPBOARD_SECONDS) -> str | None:
        """Its text, with line ends as they are there; None if it is empty or holds something else."""
        text = self._asked("read the clipboard", timeout, "paste", 0)["text"]
        return None if text is None else str(text)

    def set_text(self, text: str, *, timeout: float = _CLIPBOARD_SECONDS) -> None:
        """Have it hold a text and nothing else; line ends become those of Windows.

        :raises UsageError: the text has a NUL, with which texts of Windows end.
        """
        self._asked("write to the clipboard", timeout, "copy", 0, sendable(text))

    def _asked(self, what: str, timeout: float, *words: str | int) -> dict[str, Any]:
        self._helper.prepare()
        return self._helper.ask(Deadline(timeout), what, *words)[0]
