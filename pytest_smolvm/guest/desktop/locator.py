"""A control that is looked for anew at each use, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_smolvm.errors import DesktopError, UsageError
from pytest_smolvm.guest.desktop import keys
from pytest_smolvm.guest.desktop.controls import Control
from pytest_smolvm.guest.desktop.search import ACTION_SECONDS, Search
from pytest_smolvm.guest.desktop.wanted import Nth, Wanted, Words
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.host.waiting import Deadline


class Locator:
    """A control, looked for anew at each use. Exactly one has to match. Time-outs are in seconds.

    Actions wait until it is there, stands still and is enabled, readings until it is there. All raise TimedOut, which
    tells what was missing and what the window holds, DesktopError if several match, and NoDesktop.

    :param search: how it is looked for.
    """

    def __init__(self, search: Search) -> None:
        self.search = search
        """How it is looked for."""

    def __repr__(self) -> str:
        return str(self.search)

    def get_by(
        self,
        *,
        name: Words | None = None,
        automation_id: str | int | None = None,
        control_type: str | None = None,
        class_name: str | None = None,
    ) -> Locator:
        """A control in this one, however deep, that is all of this.

        :param name: what is written on it, or on the label before it; a compiled pattern has to be in it.
        :param automation_id: its number in its program.
        :param control_type: UI Automation's word, as ``Button``.
        :raises UsageError: nothing was given.
        """
        number = None if automation_id is None else str(automation_id)
        return Locator(self.search.then(Wanted(name, number, control_type, class_name)))

    def nth(self, index: int) -> Locator:
        """One of those that match, from 0; from the end if negative."""
        return Locator(self.search.then(Nth(index)))

    def count(self) -> int:
        """How many match at this moment; 0 if the window is not there."""
        return len(self.search.look(Deadline(ACTION_SECONDS)).controls)

    def click(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click on its middle, with the window in front."""
        self._act("click on", ["click", "left", 1], timeout)

    def double_click(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click twice on its middle."""
        self._act("double click on", ["click", "left", 2], timeout)

    def right_click(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click on its middle with the right button."""
        self._act("right click on", ["click", "right", 1], timeout)

    def focus(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Have keys go to it."""
        self._act("focus", ["focus"], timeout)

    def fill(self, text: str, *, timeout: float = ACTION_SECONDS) -> None:
        """Replace the text of an edit control at once; its program is told that it has changed. No key is pressed.

        :raises DesktopError: it has made something else of it, as where its length is limited.
        """
        self._act("fill", ["fill", _text(text)], timeout)

    def type(self, text: str, *, timeout: float = ACTION_SECONDS) -> None:
        """Have it get the focus and type a text of any characters, whatever layout the keyboard has.

        A line end is the key Enter. It returns once the program has taken all.
        """
        self._act("type into", ["type", _text(text).replace("\r\n", "\n")], timeout)

    def press(self, chord: str, *, timeout: float = ACTION_SECONDS) -> None:
        """Have it get the focus and press keys together.

        :param chord: as for `vm.screen.press`: ``"ctrl+a"``, ``"enter"``.
        :raises UsageError: one of them is no key.
        """
        codes = " ".join(map(str, keys.codes(chord)))
        self._act(f"press {chord} in", ["press", codes], timeout)

    def select(self, item: str, *, timeout: float = ACTION_SECONDS) -> None:
        """Select the item of this very text, in a combo box or a list box with one choice.

        :raises DesktopError: it is neither.
        """
        self._act(f"select {item!r} in", ["select", _text(item)], timeout)

    def check(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click on a check box or radio button unless it is checked, and wait until it is.

        :raises DesktopError: it is neither.
        """
        self._set(True, timeout)

    def uncheck(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click on a check box unless it is unchecked, and wait until it is.

        :raises DesktopError: it is none.
        """
        self._set(False, timeout)

    def state(self, *, timeout: float = ACTION_SECONDS) -> Control:
        """All that is known of it."""
        return self.wait_until(lambda _: True, timeout=timeout, what="there")

    def text(self, *, timeout: float = ACTION_SECONDS) -> str | None:
        """What it says its text is; of a list box, what is selected; None of passwords."""
        return self.state(timeout=timeout).text

    def value(self, *, timeout: float = ACTION_SECONDS) -> str | None:
        """What was entered or chosen; None of what has no value, and of passwords."""
        return self.state(timeout=timeout).value

    def rectangle(self, *, timeout: float = ACTION_SECONDS) -> Region:
        """Where it is, in pixels of the screen."""
        return self.state(timeout=timeout).rectangle

    def children(self, *, timeout: float = ACTION_SECONDS) -> tuple[Control, ...]:
        """What is in it."""
        return self.state(timeout=timeout).children

    def wait_until(
        self, predicate: Callable[[Control], object], *, timeout: float = ACTION_SECONDS, what: str = "as awaited"
    ) -> Control:
        """Wait until it is there and `predicate` returns something true of it.

        :param what: what it is then, for the error.
        :returns: the control as it was then.
        """
        found: list[Control] = []

        def look(control: Control, _: Deadline) -> str:
            found[:] = [control]
            return "" if predicate(control) else f"it is not {what}"

        self.search.until(f"{self!r} {what}", look, timeout)
        return found[0]

    def _act(self, what: str, words: Sequence[str | int], timeout: float) -> None:
        what = f"{what} {self!r}"

        def attempt(control: Control, deadline: Deadline) -> str:
            return self._done(control, deadline, what, words)

        self.search.until(what, attempt, timeout)

    def _done(self, control: Control, deadline: Deadline, what: str, words: Sequence[str | int]) -> str:
        """Do something with a control that was seen; why it was not done."""
        if words[0] == "click":
            try:
                self.search.place.helper.move(*control.rectangle.center)
            except UsageError as exc:  # it is beyond the edge of the screen
                return str(exc)
        return self.search.place.helper.act(deadline, what, control.handle, control.rectangle, *words)

    def _set(self, checked: bool, timeout: float) -> None:
        what = f"{'check' if checked else 'uncheck'} {self!r}"
        clicked: list[int] = []

        def attempt(control: Control, deadline: Deadline) -> str:
            if control.control_type not in ("CheckBox", "RadioButton"):
                raise DesktopError(f"{what}: it is a {control.control_type}")
            if control.checked is checked:
                return ""
            if clicked:  # a second click would undo the first
                return "it was clicked on, and stays as it was"
            reason = self._done(control, deadline, what, ["click", "left", 1])
            clicked.extend([] if reason else [1])
            return reason or "it was clicked on, and stays as it was"

        self.search.until(what, attempt, timeout)


def _text(text: str) -> str:
    """:raises UsageError: it has a NUL, which ends texts of Windows."""
    if "\0" in text:
        raise UsageError(f"{text!r} has a NUL, with which texts of Windows end")
    return text
