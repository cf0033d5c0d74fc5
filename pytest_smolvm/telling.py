"""Progress on a terminal, one line a phase; for the doors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_BEAT_SECONDS = 15.0


class Lines:
    """Says each phase when it starts, every 15 seconds while it lasts, and how long it took.

    :param say: prints one line.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._running: dict[str, float] = {}
        self._beat: threading.Thread | None = None
        self._changed = threading.Condition()

    def started(self, phase: str) -> None:
        """Say that it begins."""
        self._say(f"{phase} ...")
        with self._changed:
            self._running[phase] = time.monotonic()
            if self._beat is None:
                self._beat = threading.Thread(target=self._keep_saying, name="smolvm-progress", daemon=True)
                self._beat.start()

    def note(self, text: str) -> None:
        """Say it."""
        self._say(text)

    def finished(self, phase: str) -> None:
        """Say how long it took."""
        with self._changed:
            seconds = time.monotonic() - self._running.pop(phase)
            self._changed.notify()
        self._say(f"{phase}: done in {seconds:.1f} s")

    def _keep_saying(self) -> None:
        with self._changed:
            while self._running:
                if not self._changed.wait(_BEAT_SECONDS):
                    phase, since = list(self._running.items())[-1]
                    self._say(f"{phase} ... {time.monotonic() - since:.0f} s so far")
            self._beat = None
