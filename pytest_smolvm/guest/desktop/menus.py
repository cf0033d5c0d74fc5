"""Menus: entries are clicked on, one after another, as a person does; what no program tells is read from the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_smolvm.errors import DesktopError, SmolVMError, TimedOut, UsageError
from pytest_smolvm.guest.desktop.controls import Control, TopWindow
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.menu_words import closest
from pytest_smolvm.guest.desktop.search import Search
from pytest_smolvm.guest.screen import ocr
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline, until, until_seen

if TYPE_CHECKING:
    from pytest_smolvm.guest.screen.sights import Picture

_POPUP = "#32768"  # Windows' class of menus that have come down
_LOOK_SECONDS = 0.1
# All entries are there when a menu has come down; it only has to be painted.
_READ_SECONDS = stretched(30.0)
# An entry that is disabled, or has others in it, leaves its menu open; any other closes it at once.
_CLOSING_SECONDS = stretched(10.0)


@dataclass(frozen=True)
class _Level:
    """A menu bar, or a menu that has come down."""

    handle: int
    """Of the window that shows it."""
    place: Region
    is_bar: bool


class Menu:
    """The menu of a window.

    :param search: how the window is looked for.
    :param click: clicks on the control of kind MenuItem that has a name, within so many seconds.
    """

    def __init__(self, search: Search, click: Callable[[str, float], None]) -> None:
        self._search = search
        self._click = click
        self._level: _Level | None = None
        """The one that is looked at."""

    def choose(self, entries: Sequence[str], timeout: float) -> None:
        """Click on entries, one after another; the menu is closed again, whatever happens.

        :raises UsageError: there are none.
        :raises TimedOut: one is not there, and the error says what can be read; or the window is not.
        :raises DesktopError: nothing came of the last one.
        """
        if not entries:
            raise UsageError("menu() needs the names of entries: menu('File', 'Save as...')")
        what = f"menu {' > '.join(entries)} of {self._search}"
        deadline, window = Deadline(timeout), list[Control]()

        def there(control: Control, _: Deadline) -> str:
            window[:] = [control]
            return ""

        self._search.until(what, there, timeout)
        before = {popup.handle for popup in self._popups(deadline)}
        try:
            with self._helper.failures.seen(self._search.place.screen, self._places):
                self._walk(what, window[0], entries, before, deadline)
        except SmolVMError as exc:
            if reason := self._left(what, window[0]):
                exc.add_note(f"the menu may still be open: {reason}")
            raise

    @property
    def _helper(self) -> DesktopHelper:
        return self._search.place.helper

    def _places(self) -> list[Region]:
        return [self._level.place] if self._level else []

    def _left(self, what: str, window: Control) -> str:
        """Close all that has come down; why that was not done."""
        try:
            return self._helper.act(Deadline(_CLOSING_SECONDS), what, window.handle, window.rectangle, "cancel")
        except SmolVMError as exc:
            return str(exc)

    def _walk(self, what: str, window: Control, entries: Sequence[str], before: set[int], deadline: Deadline) -> None:
        level = self._bar(what, window, deadline)
        for number, entry in enumerate(entries):
            if number:
                level = self._come_down(what, before, deadline)
                before = before | {level.handle}
            self._enter(what, level, entry, deadline)
        last = level.handle
        try:
            until(
                what,
                lambda: all(popup.handle != last for popup in self._popups(deadline)),
                timeout=deadline.at_most(_CLOSING_SECONDS),
                interval=_LOOK_SECONDS,
            )
        except TimedOut:
            told = f"nothing comes of {entries[-1]!r}, as of an entry that is disabled or has others in it"
            raise DesktopError(f"{what}: {told}; there are: {self._text(level)}") from None

    def _bar(self, what: str, window: Control, deadline: Deadline) -> _Level:
        """Where the bar is, with the window in front."""
        words = (window.handle, *window.rectangle)

        def look() -> tuple[_Level | None, str]:
            reason = self._helper.ask(deadline, what, "front", *words)[1]
            answer, more = self._helper.ask(deadline, what, "bar", *words)
            if reason or more:
                return None, reason or more
            place = Region(answer["left"], answer["top"], answer["width"], answer["height"])
            return (_Level(window.handle, place, is_bar=True) if place.height else None), "it has no menu bar"

        return until_seen(what, look, deadline.left or 0.0)

    def _come_down(self, what: str, before: set[int], deadline: Deadline) -> _Level:
        """The menu that has come down last."""

        def new() -> TopWindow | None:
            return next((popup for popup in self._popups(deadline) if popup.handle not in before), None)

        limit = deadline.at_most(_READ_SECONDS)
        popup = until(f"{what}: a menu that comes down", new, timeout=limit, interval=_LOOK_SECONDS)
        return _Level(popup.handle, popup.rectangle, is_bar=False)

    def _popups(self, deadline: Deadline) -> list[TopWindow]:
        """From the front to the back."""
        return [window for window in self._helper.look(deadline).windows if window.class_name == _POPUP]

    def _enter(self, what: str, level: _Level, entry: str, deadline: Deadline) -> None:
        """Click on an entry: on the control, if the window has one of that name, else where it is read."""
        self._level = level

        def click() -> tuple[bool | None, str]:
            window = self._search.look(deadline).window
            names = [each.name for each in window.walk() if _is_entry(each, entry)] if window is not None else []
            if names:
                self._click(names[0], deadline.left or 0.0)
                return True, ""
            reason = self._click_on_words(what, level, entry, deadline)
            return (None if reason else True), reason

        until_seen(what, click, deadline.at_most(_READ_SECONDS))

    def _click_on_words(self, what: str, level: _Level, entry: str, deadline: Deadline) -> str:
        """Click where an entry is read; why it was not done."""
        if reason := self._helper.act(deadline, what, level.handle, level.place, "front"):
            return reason
        picture = self._picture(level)
        found, told = _read(picture, entry, among_others=level.is_bar)
        if found is None:
            return f"no entry {entry!r} can be read, but: {told}"
        if self._picture(level).tobytes() != picture.tobytes():
            return "the menu changes"  # it comes down in several steps
        x, y = found.moved(level.place.left, level.place.top).center
        return self._helper.act(deadline, what, level.handle, level.place, "spot", x, y, "left", 1)

    def _picture(self, level: _Level) -> Picture:
        return self._search.place.screen().screenshot(level.place)

    def _text(self, level: _Level) -> str:
        return _read(self._picture(level), "", among_others=level.is_bar)[1]


def _read(picture: Picture, entry: str, *, among_others: bool) -> tuple[Region | None, str]:
    """Where an entry is on a picture; and all that can be read there.

    :param among_others: whether entries stand side by side.
    """
    said = ""
    for mode in (ocr.BLOCK, ocr.SPARSE):
        reading = ocr.read(picture, mode=mode)
        said = said or reading.text.replace("\n", ", ")
        if found := closest(reading, entry, among_others=among_others):
            return found, said
    return None, said or "nothing"


def _is_entry(control: Control, entry: str) -> bool:
    r"""Behind a tab its key may stand, as in "Save\\tCtrl+S"."""
    name = control.name.partition("\t")[0]
    return control.control_type == "MenuItem" and entry in (name, control.name) and control.visible
