"""Keys pressed on a guest's keyboard."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_smolvm.guest.screen import keys
from pytest_smolvm.host.clock import sleep
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.machine.display import Display

# Nobody tells when a guest has taken a key, and what does not fit into the keyboard's queue (16 bytes of PS/2) is lost.
_KEY_SECONDS = stretched(0.02)


class Keyboard:
    """The keyboard of a guest: places on a US keyboard, whose layout the guest has to have for :meth:`type`."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def press(self, chord: str) -> None:
        """Press keys together, and let them go.

        :param chord: their names joined by plus signs: ``"ctrl+shift+esc"``, ``"win+r"``, ``"enter"``, ``"f8"``.
        :raises UsageError: one of them is no key.
        """
        self._strike(keys.chord(chord))

    def type(self, text: str) -> None:
        """Type a text, key by key, some 25 characters a second.

        :param text: of characters that are on a US keyboard; a line end is the key Enter.
        :raises UsageError: a character is not on it. Nothing is typed then.
        """
        for stroke in keys.strokes(text):
            self._strike(stroke)

    def _strike(self, stroke: Sequence[str]) -> None:
        held: list[str] = []
        try:
            for key in stroke:
                held.append(key)
                self._display.key(key, down=True)
            sleep(_KEY_SECONDS)
        finally:
            for key in reversed(held):  # also those of a broken stroke: a key that is held down spoils what follows
                self._display.key(key, down=False)
        sleep(_KEY_SECONDS)
