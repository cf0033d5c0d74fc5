"""The dialogs that Windows itself shows: message boxes, and those that ask for a file."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_smolvm.guest.desktop.controls import Control
from pytest_smolvm.guest.desktop.locator import Locator
from pytest_smolvm.guest.desktop.search import ACTION_SECONDS
from pytest_smolvm.guest.desktop.texts import sendable
from pytest_smolvm.guest.desktop.wanted import LocatorStep, Wanted
from pytest_smolvm.guest.desktop.window import Window
from pytest_smolvm.guest.names import GuestPath
from pytest_smolvm.guest.trail import tells
from pytest_smolvm.host.waiting import Deadline

CLASS_NAME = "#32770"
"""Windows' class of dialogs."""
_ACCEPT = "1"  # IDOK, also of buttons that are called Save and Open
_BUTTONS = {
    "ok": 1,
    "cancel": 2,
    "abort": 3,
    "retry": 4,
    "ignore": 5,
    "yes": 6,
    "no": 7,
    "close": 8,
    "help": 9,
    "try again": 10,
    "continue": 11,
}
"""What MessageBox returns (winuser.h), and the numbers of its buttons, whose captions are in the user's language."""
_FIELDS = ("1148", "1152", "1001")
"""Where a file's name is entered: cmb13 of dlgs.h, of dialogs since Windows 2000; edt1, of older ones; and what those
for saving have since Windows Vista."""


@tells("desktop", lambda dialog: dialog.search.place.helper.trail, repr, acts=("press", "save_as", "open"))
class Dialog(Window):
    """A dialog of Windows, looked for anew at each use; a window like others, besides."""

    def message(self, *, timeout: float = ACTION_SECONDS) -> str:
        """What it says, without its title and what is written on its buttons."""
        texts = [each.text or "" for each in self.state(timeout=timeout).walk() if each.control_type == "Text"]
        return "\n".join(filter(None, texts))

    def press(self, button: str | int, *, timeout: float = ACTION_SECONDS) -> None:
        """Click on a button.

        :param button: its number, a word of MessageBox (``"OK"``, ``"Cancel"``, ``"Yes"``, ``"No"``, ``"Retry"``, ...),
            which is found in any language, or what is written on it.
        """
        deadline = Deadline(timeout)
        number = button if isinstance(button, int) else _BUTTONS.get(button.lower(), 0)
        by_number = Wanted(automation_id=str(number), control_type="Button")
        by_name = Wanted(name=str(button), control_type="Button")

        def offered(dialog: Control) -> bool:
            return bool(by_number.of([dialog]) or by_name.of([dialog]))

        dialog = self.wait_until(offered, timeout=timeout, what=f"one with the button {button!r}")
        wanted = by_number if by_number.of([dialog]) else by_name
        Locator(self.search.then(wanted)).click(timeout=deadline.left or 0.0)

    def save_as(self, path: GuestPath, *, timeout: float = ACTION_SECONDS) -> None:
        """Enter a path where it asks for a file, and accept. It may ask back by another dialog if that exists."""
        self._enter(path, timeout)

    def open(self, path: GuestPath, *, timeout: float = ACTION_SECONDS) -> None:
        """Enter the path of a file that is to be opened, and accept."""
        self._enter(path, timeout)

    def _enter(self, path: GuestPath, timeout: float) -> None:
        deadline = Deadline(timeout)
        text = sendable(str(path))
        dialog = self.wait_until(
            lambda window: _field(window) is not None, timeout=timeout, what="one that asks for a file"
        )
        search = self.search
        for step in _field(dialog) or ():
            search = search.then(step)
        Locator(search).fill(text, timeout=deadline.left or 0.0)
        self.get_by(automation_id=_ACCEPT, control_type="Button").click(timeout=deadline.left or 0.0)


def _field(dialog: Control) -> Sequence[LocatorStep] | None:
    """The way to where a file's name is entered; None if it is nowhere."""
    for number in _FIELDS:
        itself: list[LocatorStep] = [Wanted(automation_id=number, control_type="Edit")]
        inside: list[LocatorStep] = [Wanted(automation_id=number), Wanted(control_type="Edit")]
        for steps in (itself, inside):
            found: list[Control] = [dialog]
            for step in steps:
                found = step.of(found)
            if len(found) == 1:
                return steps
    return None
