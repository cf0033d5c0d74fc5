"""The pointer of a guest, moved and clicked in pixels of its screen."""

from __future__ import annotations

from pytest_smolvm.errors import ScreenError, UsageError
from pytest_smolvm.host.clock import sleep
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import until
from pytest_smolvm.machine.display import Display

BUTTONS = ("left", "middle", "right")
# What is hovered over is found before it is pressed; two clicks are far closer than the half second of a double one.
_HAND_SECONDS = stretched(0.05)
_DRAG_STEPS = 10
MODE_SECONDS = stretched(10.0)
"""How long QEMU may give no picture, as it does while a guest changes its video mode."""
_MOST_NOTCHES = 100


class Pointer:
    """The pointer of a guest.

    Places are pixels of the screen as it is at that moment, (0, 0) in the upper left corner. Every method raises
    UsageError for a place that is not on it, and ScreenError if the guest has no device that can be put at a place.
    """

    def __init__(self, display: Display) -> None:
        self._display = display

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the screen, in pixels. A guest may change it at any time."""
        return until("the size of the screen", self._size, timeout=MODE_SECONDS)

    def move(self, x: int, y: int) -> None:
        """Move the pointer to a place."""
        width, height = self.size
        if not (0 <= x < width and 0 <= y < height):
            raise UsageError(f"({x}, {y}) is not on the screen, which has {width}x{height} pixels")
        self._check_device()
        # The middle of the pixel: however a driver rounds, it is this one.
        self._display.point((x + 0.5) / width, (y + 0.5) / height)
        sleep(_HAND_SECONDS)

    def click(self, x: int, y: int, button: str = "left") -> None:
        """Click.

        :param button: ``left``, ``middle`` or ``right``.
        """
        self._click(x, y, button, times=1)

    def double_click(self, x: int, y: int, button: str = "left") -> None:
        """Click twice, fast."""
        self._click(x, y, button, times=2)

    def right_click(self, x: int, y: int) -> None:
        """Click with the right button."""
        self._click(x, y, "right", times=1)

    def drag(self, start: tuple[int, int], end: tuple[int, int], button: str = "left") -> None:
        """Press a button at one place, move, and let it go at another."""
        _check(button)
        (x, y), (to_x, to_y) = start, end
        self.move(x, y)
        self._button(button, down=True)
        try:
            for step in range(1, _DRAG_STEPS + 1):
                self.move(x + (to_x - x) * step // _DRAG_STEPS, y + (to_y - y) * step // _DRAG_STEPS)
        finally:
            self._button(button, down=False)

    def scroll(self, x: int, y: int, notches: int) -> None:
        """Turn the wheel.

        :param notches: how far; more than 0 turns it away from the user, which shows what is further up.
        """
        if not 0 < abs(notches) <= _MOST_NOTCHES:
            raise UsageError(f"notches={notches!r} must be from 1 to {_MOST_NOTCHES}, or less than 0 to scroll down")
        self.move(x, y)
        for _ in range(abs(notches)):
            self._press("wheel-up" if notches > 0 else "wheel-down")

    def _size(self) -> tuple[int, int] | None:
        try:
            return self._display.size()
        except (FileNotFoundError, ValueError):  # no picture, or half of one
            return None

    def _click(self, x: int, y: int, button: str, times: int) -> None:
        _check(button)
        self.move(x, y)
        for _ in range(times):
            self._press(button)

    def _press(self, button: str) -> None:
        try:
            self._button(button, down=True)
        finally:
            self._button(button, down=False)

    def _button(self, button: str, *, down: bool) -> None:
        self._display.button(button, down=down)
        sleep(_HAND_SECONDS)

    def _check_device(self) -> None:
        device = self._display.pointing_device()
        if device is None or not device.absolute:
            raise ScreenError(
                f"the pointer cannot be put at a place: the guest listens to {device.name if device else 'no mouse'}, "
                "not to a tablet. Windows needs the driver vioinput for the one of bus='virtio', and none for the one "
                "of bus='sata'; firmware has none"
            )


def _check(button: str) -> None:
    if button not in BUTTONS:
        raise UsageError(f"button={button!r} is not one of {', '.join(BUTTONS)}")
