"""A control that is looked for anew at each use, and what is done with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytest_smolvm.errors import DesktopError
from pytest_smolvm.guest.desktop import keys
from pytest_smolvm.guest.desktop.controls import Control
from pytest_smolvm.guest.desktop.dragging import Draggable, Grip, drag
from pytest_smolvm.guest.desktop.search import ACTION_SECONDS, Search
from pytest_smolvm.guest.desktop.spots import Spot
from pytest_smolvm.guest.desktop.texts import sendable
from pytest_smolvm.guest.desktop.wanted import Filter, Nth, Wanted, Words
from pytest_smolvm.guest.screen.ocr import ENGLISH
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.guest.screen.sights import SmallPicture, WrittenText
from pytest_smolvm.guest.trail import tells
from pytest_smolvm.host.waiting import Deadline

if TYPE_CHECKING:
    from pytest_smolvm.guest.screen.sights import Picture


@tells(
    "desktop",
    lambda locator: locator.search.place.helper.trail,
    repr,
    acts=(
        *("click", "double_click", "right_click", "focus", "fill", "type", "press", "select", "expand", "collapse"),
        *("scroll_into_view", "check", "uncheck", "drag_to"),
    ),
)
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

    def get_by_text(self, text: Words, *, language: str = ENGLISH) -> Spot:
        """A text that can be read in its picture, as Tesseract does: for what draws its controls itself.

        :param text: of one line; small and capital letters are the same, and so are all spaces. Or a compiled pattern.
        :param language: Tesseract's names, joined by plus signs: ``eng+deu``.
        """
        return Spot(self.search, WrittenText(text, language))

    def get_by_image(self, picture: str | os.PathLike[str] | Picture, *, max_diff: float = 0.0) -> Spot:
        """A small picture in its picture.

        :param picture: a file beside the test, or Pillow's picture.
        :param max_diff: the share of its pixels that may be others, from 0.0 to 1.0.
        """
        return Spot(self.search, SmallPicture(picture, max_diff))

    def filter(
        self,
        *,
        has_text: Words | None = None,
        checked: bool | None = None,
        selected: bool | None = None,
        enabled: bool | None = None,
    ) -> Locator:
        """Those of the ones that match that are all of this.

        :param has_text: is somewhere in its text, in that of one of its columns, or of something that is in it; small
            and capital letters are the same.
        :raises UsageError: nothing was given.
        """
        return Locator(self.search.then(Filter(has_text, checked, selected, enabled)))

    def nth(self, index: int) -> Locator:
        """One of those that match, from 0; from the end if negative."""
        return Locator(self.search.then(Nth(index)))

    def count(self) -> int:
        """How many match at this moment; 0 if the window is not there.

        :raises DesktopError: not all was read, and there may be more.
        """
        self.search.place.helper.prepare()
        scene = self.search.look(Deadline(ACTION_SECONDS))
        if scene.lack:
            raise DesktopError(f"count {self!r}: {len(scene.controls)} match in what was read; {scene.lack}\n{scene}")
        return len(scene.controls)

    def click(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click on its middle, with the window in front."""
        self._act("click on", ["click", "left", 1], timeout)

    def double_click(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click twice on its middle."""
        self._act("double click on", ["click", "left", 2], timeout)

    def right_click(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click on its middle with the right button."""
        self._act("right click on", ["click", "right", 1], timeout)

    def drag_to(self, target: Draggable, *, timeout: float = ACTION_SECONDS) -> None:
        """Press the left button on its middle, move, and let it go on the middle of something else.

        :param target: a control, an item, a text or a picture, in this window or in one that this one does not cover.
        """
        drag(self.search.place, self, target, timeout)

    def focus(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Have keys go to it."""
        self._act("focus", ["focus"], timeout)

    def fill(self, text: str, *, timeout: float = ACTION_SECONDS) -> None:
        """Replace the text of an edit control at once; its program is told that it has changed. No key is pressed.

        :raises DesktopError: it has made something else of it, as where its length is limited.
        """
        self._act("fill", ["fill", sendable(text)], timeout)

    def type(self, text: str, *, timeout: float = ACTION_SECONDS) -> None:
        """Have it get the focus and type a text of any characters, whatever layout the keyboard has.

        A line end is the key Enter. It returns once the program has taken all.
        """
        self._act("type into", ["type", sendable(text).replace("\r\n", "\n")], timeout)

    def press(self, chord: str, *, timeout: float = ACTION_SECONDS) -> None:
        """Have it get the focus and press keys together.

        :param chord: as for `vm.screen.press`: ``"ctrl+a"``, ``"enter"``.
        :raises UsageError: one of them is no key.
        """
        codes = " ".join(map(str, keys.codes(chord)))
        self._act(f"press {chord} in", ["press", codes], timeout)

    def select(self, item: str | None = None, *, timeout: float = ACTION_SECONDS) -> None:
        """Select the item of this very text in a combo box, list, tree or tab control; of an item: select it.

        Its program is told, as when a person selects. In a tree that is what the tree shows, expanded as it is.

        :raises DesktopError: it has no items, or is a list box where several may be selected.
        """
        if item is None:
            self._act("select", ["item", "select"], timeout)
        else:
            self._act(f"select {item!r} in", ["select", sendable(item)], timeout)

    def expand(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Show what is in an item of a tree, or drop down what is in a combo box, and wait until it is so.

        The program is told of the first time that an item of a tree is expanded, and may put something in.
        """
        self._open(True, timeout)

    def collapse(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Hide what is in an item of a tree, or in a combo box, and wait until it is so."""
        self._open(False, timeout)

    def scroll_into_view(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Bring an item to where it can be seen; those of a tree that it is in are expanded. Clicks do so, too.

        What is in view and cannot be scrolled stays where it is.
        """
        what = f"scroll to {self!r}"

        def attempt(control: Control, deadline: Deadline) -> str:
            if control.item or control.runtime_id:
                return self._done(control, deadline, what, ["item", "show"])
            return "" if control.visible else "it is out of view, and nothing scrolls to it"

        self.search.until(what, attempt, timeout)

    def check(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Click on a check box or radio button unless it is checked, and wait until it is; of an item on its box.

        :raises DesktopError: it is neither, or has none.
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

    def grip(self, what: str, deadline: Deadline, candidates: list[Region]) -> tuple[Grip | None, str]:
        """See `Draggable.grip`."""
        scene = self.search.look(deadline)
        candidates += scene.places
        control = scene.one(what)
        if control is None:
            return None, f"{scene.none}\n{scene}"
        if control.item and not control.visible:
            return None, self._done(control, deadline, what, ["item", "show"]) or "it was out of view"
        return Grip(control.handle, control.rectangle), ""

    def _act(self, what: str, words: Sequence[str | int], timeout: float) -> None:
        what = f"{what} {self!r}"

        def attempt(control: Control, deadline: Deadline) -> str:
            return self._done(control, deadline, what, words)

        self.search.until(what, attempt, timeout)

    def _done(self, control: Control, deadline: Deadline, what: str, words: Sequence[str | int]) -> str:
        """Do something with a control that was seen; why it was not done."""
        if control.runtime_id:
            words = ["element", control.runtime_id, *(words[1:] if words[0] == "item" else words)]
        elif control.item and words[0] == "click":
            words = ["item", *words]
        if words[0] == "item":
            words = ["item", control.item, control.text or "", *words[1:]]
        elif control.item:
            raise DesktopError(f"{what}: it is a {control.control_type}, and that is done to what it is in")
        return self.search.place.helper.act(deadline, what, control.handle, control.rectangle, *words)

    def _set(self, checked: bool, timeout: float) -> None:
        what = f"{'check' if checked else 'uncheck'} {self!r}"
        clicked: list[int] = []

        def attempt(control: Control, deadline: Deadline) -> str:
            if control.control_type not in ("CheckBox", "RadioButton") and control.checked is None:
                raise DesktopError(f"{what}: it is a {control.control_type}")
            if control.checked is checked:
                return ""
            if clicked:  # a second click would undo the first
                return "it was clicked on, and stays as it was"
            drawn = control.item or control.runtime_id
            reason = self._done(control, deadline, what, ["item", "toggle"] if drawn else ["click", "left", 1])
            clicked.extend([] if reason else [1])
            return reason or "it was clicked on, and stays as it was"

        self.search.until(what, attempt, timeout)

    def _open(self, expanded: bool, timeout: float) -> None:
        verb = "expand" if expanded else "collapse"
        what = f"{verb} {self!r}"

        def attempt(control: Control, deadline: Deadline) -> str:
            if control.expanded is expanded:
                return ""
            return self._done(control, deadline, what, ["item", verb]) or "it was told to, and stays as it was"

        self.search.until(what, attempt, timeout)
