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
        self._running: list[tuple[str, float]] = []
        self._beat: threading.Thread | None = None
        self._changed = threading.Condition()

    def started(self, phase: str) -> None:
        """Say that it begins."""
        self._say(f"{phase} ...")
        with self._changed:
            self._running.append((phase, time.monotonic()))
            if self._beat is None:
                self._beat = threading.Thread(target=self._keep_saying, name="smolvm-progress", daemon=True)
                self._beat.start()

    def note(self, text: str) -> None:
        """Say it."""
        self._say(text)

    def finished(self, phase: str) -> None:
        """Say how long it took."""
        self._say(f"{phase}: done in {self._ended(phase):.1f} s")

    def failed(self, phase: str) -> None:
        """Say how long it took to fail."""
        self._say(f"{phase}: failed after {self._ended(phase):.1f} s")

    def _ended(self, phase: str) -> float:
        """Take it off the list; the seconds it took."""
        with self._changed:
            # Two threads may be in phases of the same name: one of them ends.
            index = max(number for number, (name, _) in enumerate(self._running) if name == phase)
            _, since = self._running.pop(index)
            self._changed.notify()
        return time.monotonic() - since

    def _keep_saying(self) -> None:
        with self._changed:
            while self._running:
                if not self._changed.wait(_BEAT_SECONDS):
                    phase, since = self._running[-1]
                    self._say(f"{phase} ... {time.monotonic() - since:.0f} s so far")
            self._beat = None
