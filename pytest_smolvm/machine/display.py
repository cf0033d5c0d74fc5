"""A machine's screen, keyboard and pointer, over QEMU's monitor."""

from __future__ import annotations

from pathlib import Path

from pytest_smolvm.host.patience import stretched
from pytest_smolvm.machine.qmp import Monitor

_ANSWER_SECONDS = stretched(30.0)
# The tablet's range on both axes (QEMU's InputMoveEvent).
_FAR_END = 0x7FFF


class Display:
    """What somebody in front of the machine sees and does.

    Every call raises MonitorError if QEMU refuses, GuestDied if it has ended, TimedOut if it does not answer.

    :param monitor: the machine's.
    :param scratch: an existing directory.
    :param timeout: seconds to QEMU's answer.
    """

    def __init__(self, monitor: Monitor, scratch: Path, timeout: float = _ANSWER_SECONDS) -> None:
        self._monitor = monitor
        self._scratch = scratch
        self._timeout = timeout

    def picture(self, path: Path) -> None:
        """Write what is on the screen to `path`, as PNG."""
        self._dump(path, "png")

    def pixels(self) -> bytes:
        """What is on the screen, as PPM: no compression, and the same bytes as long as no pixel changes.

        :raises FileNotFoundError: QEMU has written nothing, as while the guest changes its video mode.
        """
        path = self._scratch / ".screen.ppm"
        try:
            self._dump(path, "ppm")
            return path.read_bytes()
        finally:
            path.unlink(missing_ok=True)

    def press(self, *keys: str) -> None:
        """Press these keys together, and let them go.

        :param keys: QEMU's names (QKeyCode): ``"ctrl", "alt", "delete"``.
        """
        self._execute("send-key", keys=[{"type": "qcode", "data": key} for key in keys])

    def point(self, x: float, y: float) -> None:
        """Move the pointer.

        :param x: from 0.0, the left edge, to 1.0, the right one.
        :param y: from 0.0, the upper edge, to 1.0, the lower one.
        """
        moves = [{"axis": axis, "value": round(share * _FAR_END)} for axis, share in (("x", x), ("y", y))]
        self._execute("input-send-event", events=[{"type": "abs", "data": move} for move in moves])

    def click(self, button: str = "left") -> None:
        """Press and let go of a button of the pointer.

        :param button: ``left``, ``middle`` or ``right``.
        """
        for down in (True, False):
            self._execute("input-send-event", events=[{"type": "btn", "data": {"button": button, "down": down}}])

    def _dump(self, path: Path, form: str) -> None:
        self._execute("screendump", filename=str(path), format=form)

    def _execute(self, command: str, **arguments: object) -> None:
        self._monitor.execute(command, timeout=self._timeout, **arguments)
