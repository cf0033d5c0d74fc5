"""What a long piece of work says while it runs; a door decides how it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


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
