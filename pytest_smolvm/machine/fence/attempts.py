"""What a guest tried to reach, written by the watching process and read by whoever reports on the guest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

# A guest that scans ports is not to fill the store.
_MOST = 500


@dataclass(frozen=True)
class Attempt:
    """Something that a guest, or somebody who wants to log in to it, tried; told once, however often it was tried."""

    kind: str
    """``tcp``, ``udp``, ``name`` or ``login``."""
    to: str
    """``ADDRESS:PORT`` or a name; for a login, who tried."""
    refused: str
    """Why it was refused; empty if it was not."""

    def __str__(self) -> str:
        return f"{self.kind} {self.to}: {f'refused, {self.refused}' if self.refused else 'allowed'}"


class Attempts:
    """The writing side.

    :param out: the open file; the caller closes it.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._told: set[Attempt] = set()

    def note(self, kind: str, to: str, refused: str) -> None:
        """Write down what was tried, unless that stands there."""
        attempt = Attempt(kind, to, refused)
        if attempt not in self._told and len(self._told) < _MOST:
            self._told.add(attempt)
            self._out.write(json.dumps(asdict(attempt)) + "\n")
            self._out.flush()


def attempts(log: Path) -> Iterator[Attempt]:
    """What was written down so far, in order; nothing for a guest without a fence."""
    try:
        text = log.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):  # else it is being written
            yield Attempt(**json.loads(line))
