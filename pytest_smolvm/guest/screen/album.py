"""Pictures of a screen that are taken in passing: they become PNG once somebody wants to see them, or are too many."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from pytest_smolvm.guest.screen.png import Pixels, encoded
from pytest_smolvm.host import clock
from pytest_smolvm.host.spool import Spool, Ticket

MOST_BYTES = 48 << 20
"""Of pictures on disk; those that were taken first go."""
_MOST_AS_THEY_ARE = 16
"""Pictures in memory, 3 MB each. Most tests show fewer and pass, and what nobody wants to see never becomes PNG."""
_MOST_WAITING = 4
"""More of them, which are being made into PNG."""


class Taken:
    """A picture that was taken; two that show the same are the same. Safe to use from several threads.

    :param ppm: what QEMU has written.
    """

    def __init__(self, ppm: bytes) -> None:
        self._ppm: bytes | None = ppm
        self._ticket: Ticket | None = None
        self._fault = ""
        self._lock = threading.Lock()

    def keep(self, spool: Spool) -> None:
        """Put it into a spool as PNG, unless that was done."""
        with self._lock:
            ppm, self._ppm = self._ppm, None
            if ppm is None:
                return
            try:
                self._ticket = spool.put(encoded(Pixels.of_ppm(ppm)))
            except (OSError, ValueError) as exc:
                self._fault = str(exc)

    def drop(self) -> None:
        """Nobody will want to see it."""
        with self._lock:
            self._ppm = None

    def png(self, spool: Spool) -> bytes | None:
        """Its file; None if it has gone since, or could not be kept."""
        self.keep(spool)
        return None if self._ticket is None else spool.get(self._ticket)

    def fault(self, spool: Spool) -> str:
        """Why it could not be kept; empty if it could."""
        self.keep(spool)
        return self._fault


class Album:
    """The last pictures of a screen. Safe to use from several threads.

    :param pixels: gives what is on the screen, as PPM.
    :param most_bytes: on disk.
    """

    def __init__(self, pixels: Callable[[], bytes], most_bytes: int = MOST_BYTES) -> None:
        self._pixels = pixels
        self._spool = Spool(most_bytes)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="smolvm-album")
        self._last: tuple[bytes, Taken] | None = None
        self._seen = 0.0
        """When that was what is on the screen, by the clock."""
        self._as_they_are: deque[Taken] = deque()
        self._waiting: deque[Future[None]] = deque()
        self._lock = threading.Lock()

    def take(self, freshness: float = 0.0) -> Taken:
        """A picture of this moment.

        :param freshness: seconds that the last one may be old to be taken for it.
        :raises SmolVMError: QEMU gives none.
        :raises OSError: likewise.
        """
        with self._lock:
            if self._last is not None and clock.now() - self._seen < freshness:
                return self._last[1]
        ppm = self._pixels()
        with self._lock:
            self._seen = clock.now()
            if self._last is None or self._last[0] != ppm:
                self._last = ppm, Taken(ppm)
                self._as_they_are.append(self._last[1])
                self._make_room()
            return self._last[1]

    def png(self, taken: Taken) -> bytes | None:
        """A picture's file; None if it has gone since, or could not be kept."""
        return taken.png(self._spool)

    def fault(self, taken: Taken) -> str:
        """Why a picture could not be kept; empty if it could."""
        return taken.fault(self._spool)

    def forget(self) -> None:
        """Nobody will want to see those that were taken until now."""
        with self._lock:
            while self._as_they_are:
                self._as_they_are.popleft().drop()
            self._last = None

    def stop(self) -> None:
        """No more pictures are taken."""
        self._worker.shutdown()
        with self._lock:  # a thread of the test's own may be about to look at it
            self._last = None

    def close(self) -> None:
        """Let go of everything."""
        self.stop()
        self.forget()
        self._spool.close()

    def _make_room(self) -> None:
        if len(self._as_they_are) > _MOST_AS_THEY_ARE:
            while len(self._waiting) >= _MOST_WAITING:
                self._waiting.popleft().result()
            self._waiting.append(self._worker.submit(self._as_they_are.popleft().keep, self._spool))
