"""A machine's screen, keyboard and pointer, over QEMU's monitor."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.secret import unseen
from pytest_smolvm.machine.qmp import Monitor

_ANSWER_SECONDS = stretched(30.0)
# The tablet's range on both axes (QEMU's InputMoveEvent): from 0 to one less than this.
_RANGE = 0x8000


@dataclass(frozen=True)
class PointingDevice:
    """The mouse or tablet that QEMU gives clicks to."""

    name: str
    """As QEMU calls it: ``QEMU Virtio Tablet``."""
    absolute: bool
    """Whether it can be put at a place, rather than moved by so much."""


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

    def picture(self, path: Path, timeout: float | None = None) -> None:
        """Write what is on the screen to `path`, as PNG.

        :param timeout: seconds to QEMU's answer; None: as for everything else.
        """
        self._monitor.execute(
            "screendump", filename=str(path), format="png", timeout=self._timeout if timeout is None else timeout
        )

    def pixels(self, timeout: float | None = None) -> bytes:
        """What is on the screen, as PPM: no compression, and the same bytes as long as no pixel changes.

        :param timeout: seconds to QEMU's answer; None: as for everything else.
        :raises FileNotFoundError: QEMU has written nothing, as while the guest changes its video mode.
        """
        path = self._scratch / f".screen-{threading.get_ident()}.ppm"
        try:
            patience = self._timeout if timeout is None else timeout
            self._monitor.execute("screendump", filename=str(path), format="ppm", timeout=patience)
            return path.read_bytes()
        finally:
            path.unlink(missing_ok=True)

    def size(self) -> tuple[int, int]:
        """Width and height of the screen, in pixels.

        :raises FileNotFoundError: as :meth:`pixels` does.
        """
        _, size, _ = self.pixels().split(b"\n", 2)
        width, height = map(int, size.split())
        return width, height

    def serve(self, password: str) -> int:
        """Show the screen by VNC to who knows the password; the machine has to be one that can (`Hypervisor.vnc`).

        :param password: of which VNC takes eight characters (RFC 6143, 7.2.2).
        :returns: the port on this host's loopback.
        """
        with unseen():
            self._execute("set_password", protocol="vnc", password=password)
        return int(self._monitor.execute("query-vnc", timeout=self._timeout)["service"])

    def press(self, *keys: str) -> None:
        """Press these keys together, and let them go.

        :param keys: QEMU's names (QKeyCode): ``"ctrl", "alt", "delete"``.
        """
        self._execute("send-key", keys=[{"type": "qcode", "data": key} for key in keys])

    def key(self, name: str, *, down: bool) -> None:
        """Press a key, or let it go.

        :param name: QEMU's (QKeyCode).
        """
        self._send([{"type": "key", "data": {"key": {"type": "qcode", "data": name}, "down": down}}])

    def point(self, x: float, y: float) -> None:
        """Move the pointer.

        :param x: from 0.0, the left edge, to 1.0, the right one.
        :param y: from 0.0, the upper edge, to 1.0, the lower one.
        """
        moves = [{"axis": axis, "value": min(_RANGE - 1, int(share * _RANGE))} for axis, share in (("x", x), ("y", y))]
        self._send([{"type": "abs", "data": move} for move in moves])

    def button(self, name: str, *, down: bool) -> None:
        """Press a button of the pointer, or let it go.

        :param name: ``left``, ``middle``, ``right``; also ``wheel-up`` or ``wheel-down``, a notch of the wheel.
        """
        self._send([{"type": "btn", "data": {"button": name, "down": down}}])

    def pointing_device(self) -> PointingDevice | None:
        """What the guest's driver has taken into use last; None if there is no such device."""
        for mouse in self._monitor.execute("query-mice", timeout=self._timeout):
            if mouse["current"]:
                return PointingDevice(mouse["name"], mouse["absolute"])
        return None

    def _send(self, events: Sequence[object]) -> None:
        self._execute("input-send-event", events=events)

    def _execute(self, command: str, **arguments: object) -> None:
        self._monitor.execute(command, timeout=self._timeout, **arguments)
