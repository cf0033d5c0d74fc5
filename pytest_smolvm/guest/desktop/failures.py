"""A picture of the screen when an action has failed, with what it may have been meant for marked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pytest_smolvm.errors import DesktopError, GuestUnreachable, ResidentLost, SmolVMError, TimedOut
from pytest_smolvm.guest.screen import pictures
from pytest_smolvm.guest.screen.region import Region

if TYPE_CHECKING:
    from pytest_smolvm.guest.screen.screen import Screen
    from pytest_smolvm.guest.screen.sights import Picture


class FailedActions:
    """What the last action on a desktop left, if it has failed."""

    def __init__(self) -> None:
        self.last: Picture | None = None
        """The screen then."""

    @contextmanager
    def seen(self, screen: Callable[[], Screen], candidates: Callable[[], Sequence[Region]]) -> Iterator[None]:
        """An action is attempted in the block.

        :param candidates: gives where those are that it may have been meant for.
        """
        self.last = None
        try:
            yield
        except (DesktopError, TimedOut, ResidentLost, GuestUnreachable):
            # Without a library, or without a guest, the error has its words alone.
            with suppress(SmolVMError, OSError):
                self.last = pictures.marked(screen().screenshot(), candidates())
            raise
