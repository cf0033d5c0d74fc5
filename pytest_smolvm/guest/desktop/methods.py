"""The guest object's desktop."""

from __future__ import annotations

from pytest_smolvm.guest.commands.methods import CommandMethods
from pytest_smolvm.guest.desktop.desktop import Desktop
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.screen.methods import ScreenMethods


class DesktopMethods(CommandMethods, ScreenMethods):
    """Commands, the screen, and what uses both: programs with windows."""

    def __init__(self) -> None:
        super().__init__()
        self._desktop = DesktopHelper(self._run_in_resident, self._move)

    @property
    def desktop(self) -> Desktop:
        """Programs, windows and controls.

        :raises UsageError: there is no guest.
        """
        self._running()
        return Desktop(self._desktop, self.spawn, self.baselines)

    def _move(self, x: int, y: int) -> None:
        self.screen.move(x, y)
