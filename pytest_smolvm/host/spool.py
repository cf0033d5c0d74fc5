"""Much data, of which the last is kept: in files without a name, so that nothing of them is left, however we end."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

_PARTS = 8


@dataclass(frozen=True)
class Ticket:
    """Where something is in a spool."""

    part: int
    offset: int
    length: int


class Spool:
    """The last so many bytes of what was put in. Safe to use from several threads.

    :param most: bytes on disk; what has been there for longest goes, an eighth at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most // _PARTS
        self._parts: deque[IO[bytes]] = deque()
        self._first = 0
        """The number of the first part that is still there."""
        self._size = 0
        """Of the last part."""
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._parts)

    def put(self, data: bytes) -> Ticket:
        """Keep `data`.

        :raises OSError: there is no room for it.
        """
        with self._lock:
            if not self._parts or (self._size and self._size + len(data) > self._most):
                self._next_part()
            last = self._parts[-1]
            last.seek(self._size)
            last.write(data)
            last.flush()
            ticket = Ticket(self._first + len(self._parts) - 1, self._size, len(data))
            self._size += len(data)
            return ticket

    def get(self, ticket: Ticket) -> bytes | None:
        """What was put in; None if it has gone since."""
        with self._lock:
            at = ticket.part - self._first
            if not 0 <= at < len(self._parts):
                return None
            self._parts[at].seek(ticket.offset)
            return self._parts[at].read(ticket.length)

    def holds(self, ticket: Ticket) -> bool:
        """Whether it is still there."""
        return self._first <= ticket.part < self._first + len(self._parts)

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._first += len(self._parts)
            _close_all(self._parts)

    def _next_part(self) -> None:
        if len(self._parts) == _PARTS:
            self._parts.popleft().close()
            self._first += 1
        self._parts.append(TemporaryFile())  # noqa: SIM115  # closed when it is dropped
        self._size = 0


def _close_all(files: deque[IO[bytes]]) -> None:
    while files:
        files.popleft().close()
