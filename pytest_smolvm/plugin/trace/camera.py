"""Films a guest's screen beside the test."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.guest.screen.film import Film
from pytest_smolvm.host import clock
from pytest_smolvm.host.patience import stretched

_LOOK_SECONDS = 0.25
_STOP_SECONDS = stretched(10.0)


class Camera:
    """A thread that looks at a screen four times a second, from :meth:`start` to :meth:`stop`.

    What the guest does meanwhile is of no interest to it: while there is no picture, nothing changes on the film.

    :param pixels: gives what is on the screen, as PPM.
    """

    def __init__(self, pixels: Callable[[], bytes]) -> None:
        self._pixels = pixels
        self._film = Film()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="smolvm-camera", daemon=True)
        self.fault = ""
        """Why the film is not whole; empty as far as is known."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; the film stays."""
        self._over.set()
        self._thread.join(_STOP_SECONDS)

    def begin_anew(self) -> None:
        """Another film, which begins now."""
        before, self._film = self._film, Film()
        self.fault = ""
        before.close()

    def write(self, path: Path) -> str:
        """Make a file of what was filmed until now.

        :returns: why there is none; empty if there is.
        :raises OSError: it cannot be written.
        """
        if self._film.write(path, clock.now()):
            return ""
        return self.fault or "there was no picture"

    def close(self) -> None:
        """Let go of everything."""
        self._film.close()

    def _run(self) -> None:
        self._look()
        while not self._over.wait(_LOOK_SECONDS):
            self._look()
        self._look()  # the last moment counts; here, where it cannot be filed before a look that began earlier

    def _look(self) -> None:
        try:
            self._film.add(self._pixels(), clock.now())
        except (SmolVMError, OSError, ValueError) as exc:
            self.fault = str(exc).partition("\n")[0]
