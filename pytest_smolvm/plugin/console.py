"""Lines on the terminal, whatever pytest captures meanwhile."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO


class Console:
    """The standard error stream as it was before pytest put something else in its place.

    Guests are restored, and images built, while tests run whose output is captured. To suspend capturing for a line of
    ours would tear a piece out of a test's output, so the lines go past it.

    :param worker: the name of the xdist worker that this process is; empty if it is none.
    """

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._stream, self._close = _uncaptured_stderr()
        self._after_own_line = False
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        """Write a line of its own; nothing once the run has ended."""
        with self._lock:
            if self._stream is not None:
                start = "" if self._after_own_line else "\n"
                self._stream.write(f"{start}smolvm{f' [{self._worker}]' if self._worker else ''}: {line}\n")
                self._stream.flush()
                # What pytest writes between two lines of a worker is written by another process.
                self._after_own_line = not self._worker

    def pytest_writes(self) -> None:
        """Say that pytest is about to write something that the next line must not be glued to."""
        self._after_own_line = False

    def close(self) -> None:
        """Write nothing any more."""
        with self._lock:
            self._stream = None
            self._close()


def show(line: str) -> None:
    """Print a line of a guest's to standard output; what the terminal has no letters for is escaped.

    Raises nothing, since a test that prints is not to fail for the terminal it is seen on.
    """
    with suppress(OSError):  # nobody looks any more
        try:
            sys.stdout.write(f"{line}\n")
        except UnicodeEncodeError:
            encoding = sys.stdout.encoding or "ascii"
            sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _uncaptured_stderr() -> tuple[TextIO | None, Callable[[], object]]:
    """The standard error stream, unaffected by what pytest will put in its place, and what closes it."""
    stream = sys.stderr
    try:
        copy = open(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="backslashreplace")  # noqa: SIM115
    except (AttributeError, OSError, ValueError):  # there is none, or one without a descriptor, as in pytester's runs
        return stream, lambda: None
    return copy, copy.close
