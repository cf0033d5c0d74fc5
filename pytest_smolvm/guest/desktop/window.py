"""A window of a guest's desktop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_smolvm.errors import DesktopError
from pytest_smolvm.guest.commands.spawned import Spawned
from pytest_smolvm.guest.desktop.controls import Control, TopWindow
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.locator import Locator
from pytest_smolvm.guest.desktop.menus import Menu
from pytest_smolvm.guest.desktop.search import ACTION_SECONDS, Search
from pytest_smolvm.guest.desktop.wanted import WantedWindow
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.screen.screen import Screen
from pytest_smolvm.guest.trail import tells
from pytest_smolvm.host.waiting import Deadline


class WindowPlace:
    """Where a window is, found anew at each look.

    :param wanted: what it is to be.
    :param baselines: where trees are kept that it is expected to match.
    :param screen: gives the screen that it is on.
    """

    def __init__(
        self, helper: DesktopHelper, wanted: WantedWindow, baselines: Baselines, screen: Callable[[], Screen]
    ) -> None:
        self.helper = helper
        self.wanted = wanted
        self.baselines = baselines
        self.screen = screen
        self._last = wanted.handle or 0
        """Its handle when it was seen last; its controls are asked for together with the windows."""

    def __str__(self) -> str:
        return str(self.wanted)

    @property
    def certain(self) -> bool:
        """See `search.Place.certain`."""
        return self.wanted.handle is not None

    def look(self, deadline: Deadline, names: Sequence[str] = ()) -> tuple[Control | None, str]:
        """See `search.Place.look`.

        :raises DesktopError: several windows match.
        """
        look = self.helper.look(deadline, self._last, names)
        windows = self.wanted.among(look.windows)
        if len(windows) > 1:
            raise DesktopError(f"{self}: {len(windows)} match:\n{listed(windows)}")
        if not windows:
            there = "it is closed; there are" if self.certain else "these windows"
            return None, f"{there}:\n{listed(look.windows)}"
        if self._last != windows[0].handle:
            self._last = windows[0].handle
            look = self.helper.look(deadline, self._last, names)
        if look.tree is None or look.tree.handle != self._last:  # it was closed while its controls were looked at
            return None, "it was closed"
        return look.tree, ""


@tells("desktop", lambda window: window.search.place.helper.trail, repr, acts=("close", "menu"))
class Window(Locator):
    """A window of the desktop; what is in it is found by :meth:`get_by`.

    One that was launched or listed is that window for ever, and DesktopError tells that it was closed. One that is
    looked for by its properties is found anew at each use.
    """

    def __init__(self, place: WindowPlace, spawned: Spawned | None = None) -> None:
        super().__init__(Search(place))
        self.spawned = spawned
        """The program, if it was launched for this window."""

    def title(self, *, timeout: float = ACTION_SECONDS) -> str:
        """What its title bar says."""
        return self.state(timeout=timeout).name

    def tree(self, *, timeout: float = ACTION_SECONDS) -> str:
        """All that is in it, a line for each control, as YAML."""
        return str(self.state(timeout=timeout))

    def menu(self, *entries: str, timeout: float = ACTION_SECONDS) -> None:
        """Choose an entry of its menu, by clicks: ``menu("File", "Save as...")``.

        Entries that a program tells of are controls, others are read from the screen, as Tesseract does it: dots at the
        end, small and capital letters, and a letter or two that it takes for another do not matter.

        :raises UsageError: no entry is given.
        :raises TimedOut: one is not there, and the error says which are; all is closed again.
        :raises DesktopError: nothing comes of the last one, as where it is disabled.
        """

        def click(name: str, seconds: float) -> None:
            self.get_by(name=name, control_type="MenuItem").click(timeout=seconds)

        Menu(self.search, click).choose(entries, timeout)

    def close(self, *, timeout: float = ACTION_SECONDS) -> None:
        """Ask it to close, as its cross does; it may ask back."""
        self._act("close", ["close"], timeout)


def bound(wanted: TopWindow) -> WantedWindow:
    """The window that was seen, and no other."""
    return WantedWindow(title=None, process=wanted.process, handle=wanted.handle)


def listed(windows: tuple[TopWindow, ...] | list[TopWindow]) -> str:
    """A line for each."""
    return "\n".join(f"- {window}" for window in windows) or "none"
