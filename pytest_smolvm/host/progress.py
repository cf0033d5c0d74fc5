"""What a long piece of work says while it runs; a door decides how it is shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from pytest_smolvm.host.clock import now

_BEAT_SECONDS = 15.0


class Progress(Protocol):
    """Where work reports its phases. The library itself never prints."""

    def started(self, phase: str) -> None:
        """A phase begins."""

    def note(self, text: str) -> None:
        """Something worth knowing happened inside the phase."""

    def finished(self, phase: str) -> None:
        """The phase is done."""

    def failed(self, phase: str) -> None:
        """The phase has ended with an error, which is reported elsewhere."""


class Silent:
    """Progress that nobody watches."""

    def started(self, phase: str) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def finished(self, phase: str) -> None:
        """Say nothing."""

    def failed(self, phase: str) -> None:
        """Say nothing."""


class Lines:
    """Progress on a terminal: each phase when it starts, every 15 seconds while it lasts, and how long it took.

    :param say: prints one line.
    :param beat: seconds between two lines on a phase that lasts.
    """

    def __init__(self, say: Callable[[str], object], beat: float = _BEAT_SECONDS) -> None:
        self._say = say
        self._beat_seconds = beat
        self._running: list[tuple[str, float]] = []
        self._beat: threading.Thread | None = None
        self._changed = threading.Condition()

    def started(self, phase: str) -> None:
        """Say that it begins."""
        self._say(f"{phase} ...")
        with self._changed:
            self._running.append((phase, now()))
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
        return now() - since

    def _keep_saying(self) -> None:
        with self._changed:
            while self._running:
                if not self._changed.wait(self._beat_seconds):
                    phase, since = self._running[-1]
                    self._say(f"{phase} ... {now() - since:.0f} s so far")
            self._beat = None


def nothing(*_: object) -> None:
    """A callback that does nothing, whatever it is told."""


@contextmanager
def phase(progress: Progress, name: str) -> Iterator[None]:
    """Report `name` as a phase for the length of the block; as failed if the block raises."""
    progress.started(name)
    try:
        yield
    except BaseException:
        progress.failed(name)
        raise
    progress.finished(name)
