"""The guest object's screen."""

from __future__ import annotations

from pytest_smolvm.guest.link.access import GuestMethods
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.screen.screen import Screen


class ScreenMethods(GuestMethods):
    """A guest's screen, keyboard and pointer."""

    def __init__(self) -> None:
        super().__init__()
        self.baselines = Baselines()
        """Where `screen.expect_match` looks; the plugin has it look beside the test that runs."""

    @property
    def screen(self) -> Screen:
        """The screen, keyboard and pointer, through QEMU: also in firmware, before a logon, without a network.

        :raises UsageError: there is no guest.
        """
        return Screen(self._running().machine.display, self.baselines, self.trail)
