"""The desktop of a guest: programs are launched on it, windows found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_smolvm.errors import DesktopError, TimedOut, UsageError
from pytest_smolvm.guest.commands.spawned import Spawned
from pytest_smolvm.guest.desktop.clipboard import Clipboard
from pytest_smolvm.guest.desktop.controls import TopWindow
from pytest_smolvm.guest.desktop.dialog import CLASS_NAME, Dialog
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.wanted import WantedWindow, Words
from pytest_smolvm.guest.desktop.window import Window, WindowPlace, bound, listed
from pytest_smolvm.guest.names import GuestPath
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.guest.screen.screen import Screen
from pytest_smolvm.guest.trail import tells
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import PATIENCE, Deadline, until

if TYPE_CHECKING:
    from pytest_smolvm.guest.screen.sights import Picture

_LOOK_SECONDS = 0.2
_LISTING_SECONDS = PATIENCE
_ANSWER_SECONDS = stretched(5.0)


@tells("desktop", lambda desktop: desktop._helper.trail, lambda _: "vm.desktop", acts=("launch",))
class Desktop:
    """Programs, windows and controls of the user who is logged on. Time-outs are in seconds.

    Every method raises NoDesktop if windows cannot be reached. The first one in a guest compiles what looks at them.

    :param spawn: starts a program that goes on running.
    :param baselines: where trees are kept that windows are expected to match.
    :param screen: gives the screen that they are on.
    """

    def __init__(
        self,
        helper: DesktopHelper,
        spawn: Callable[[Sequence[GuestPath]], Spawned],
        baselines: Baselines,
        screen: Callable[[], Screen],
    ) -> None:
        self._helper = helper
        self._spawn = spawn
        self._baselines = baselines
        self._screen = screen

    def launch(self, program: GuestPath, *args: GuestPath, timeout: float = PATIENCE) -> Window:
        """Start a program and wait for its first window, or that of a program it starts, and shortly for its answer.

        :param program: a path, or the name of a program that Windows finds.
        :raises CommandFailed: there is no such program.
        :raises DesktopError: it ended without a window.
        :raises TimedOut: it shows none; the error lists those of others. It goes on running.
        """
        self._helper.prepare()
        before = {window.handle for window in self._helper.look(Deadline(_LISTING_SECONDS)).windows}
        spawned = self._spawn([program, *args])
        deadline, seen, candidates = Deadline(timeout), [""], list[Region]()

        def first() -> TopWindow | None:
            running = spawned.running
            windows = self._helper.look(deadline).windows
            seen[0] = f"these windows:\n{listed(windows)}"
            new = [each for each in windows if each.handle not in before]
            candidates[:] = [each.rectangle for each in new]
            own = [each for each in new if _is_of(each, spawned.pid)]
            if not own and not running:
                code = spawned.wait()
                raise DesktopError(f"{program} ended with {code} and has shown no window; it printed: {_said(spawned)}")
            return own[0] if own else None

        with self._helper.failures.seen(self._screen, lambda: candidates):
            shown = until(
                f"a window of {program}", first, timeout=timeout, interval=_LOOK_SECONDS, last_seen=lambda: seen[0]
            )
        # A program takes long over its first answer, and many looks wait for it at once: libraries are loaded for it.
        with suppress(DesktopError, TimedOut):  # whoever uses the window is told
            self._helper.look(Deadline(deadline.at_most(_ANSWER_SECONDS)), shown.handle)
        return self._window(bound(shown), spawned)

    @property
    def clipboard(self) -> Clipboard:
        """What was copied."""
        return Clipboard(self._helper)

    @property
    def failure(self) -> Picture | None:
        """The screen when the last action failed, with what it may have been meant for in red; None if it did not.

        Pillow's picture; None where that is not installed, too.
        """
        return self._helper.failures.last

    @failure.setter
    def failure(self, none: None) -> None:
        """Another test begins."""
        self._helper.failures.last = none

    def windows(self) -> list[Window]:
        """All that can be seen, from the front to the back; those of the system are among them."""
        self._helper.prepare()
        return [self._window(bound(each)) for each in self._helper.look(Deadline(_LISTING_SECONDS)).windows]

    def window(
        self, *, title: Words | None = None, process: int | str | None = None, class_name: str | None = None
    ) -> Window:
        """The window that is all of this, looked for anew at each use; it need not be there yet.

        :param title: all of it, or a compiled pattern that is in it.
        :param process: a process id, or the file name of a program.
        :raises UsageError: nothing was given.
        """
        if title is process is class_name is None:
            raise UsageError("window() needs one of title=, process=, class_name=")
        self._helper.prepare()
        return self._window(WantedWindow(title, process, class_name))

    def dialog(self, *, title: Words | None = None, process: int | str | None = None) -> Dialog:
        """A message box, or a dialog that asks for a file: the one that there is of such, looked for anew at each use.

        :param title: all of it, or a compiled pattern that is in it.
        :param process: a process id, or the file name of a program.
        """
        self._helper.prepare()
        return Dialog(
            WindowPlace(self._helper, WantedWindow(title, process, CLASS_NAME), self._baselines, self._screen)
        )

    def _window(self, wanted: WantedWindow, spawned: Spawned | None = None) -> Window:
        return Window(WindowPlace(self._helper, wanted, self._baselines, self._screen), spawned)


def _is_of(window: TopWindow, process: int) -> bool:
    """Whether it is one of a process or of its descendants, and takes room."""
    return process in (window.process, *window.ancestors) and window.rectangle.width * window.rectangle.height > 0


def _said(spawned: Spawned) -> str:
    return (spawned.stdout + spawned.stderr).strip()[-500:] or "nothing"
