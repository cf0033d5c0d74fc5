"""Pictures of a screen that are taken in passing: they become PNG beside whatever goes on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from pytest_smolvm.guest.screen.png import Pixels, encoded
from pytest_smolvm.host import clock
from pytest_smolvm.host.spool import Spool, Ticket

MOST_BYTES = 48 << 20
"""Of pictures on disk; those that were taken first go."""
_MOST_WAITING = 4
"""Pictures in memory, 3 MB each, that have not been made into PNG yet."""

Taken = Future[Ticket]
"""A picture that was taken; two that show the same are the same."""


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
        self._waiting: deque[Taken] = deque()
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
                while len(self._waiting) >= _MOST_WAITING:
                    wait([self._waiting.popleft()])
                taken = self._worker.submit(self._kept, ppm)
                self._waiting.append(taken)
                self._last = ppm, taken
            return self._last[1]

    def png(self, taken: Taken) -> bytes | None:
        """A picture's file; None if it has gone since, or could not be kept."""
        return self._spool.get(taken.result()) if taken.exception() is None else None

    def fault(self, taken: Taken) -> str:
        """Why a picture could not be kept; empty if it could."""
        return str(taken.exception() or "")

    def stop(self) -> None:
        """No more pictures are taken."""
        self._worker.shutdown()
        with self._lock:  # a thread of the test's own may be about to look at it
            self._last = None

    def close(self) -> None:
        """Let go of everything."""
        self.stop()
        self._spool.close()

    def _kept(self, ppm: bytes) -> Ticket:
        return self._spool.put(encoded(Pixels.of_ppm(ppm)))
