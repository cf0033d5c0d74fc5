"""What a screen has shown, as one file that every browser plays: a PNG with several pictures (APNG)."""

from __future__ import annotations

import struct
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pytest_smolvm.guest.screen.png import Pixels, chunk, header
from pytest_smolvm.host.spool import Spool, Ticket

MOST_BYTES = 64 << 20
"""Of a film on disk: hours of a desktop where something happens now and then."""
_MOST_SHOTS = 50_000
_WHOLE_EVERY = 16
"""A whole picture comes again after this part of the film's bytes, so that a film can begin there."""
_HUNDREDTHS = 100
_LONGEST = 0xFFFF  # hundredths of a second that one picture is shown: two bytes
_LAST_SECONDS = 2.0
"""How long the end is seen before a browser begins anew."""


@dataclass(frozen=True)
class Shot:
    """What has changed at one moment."""

    at: float
    """Seconds, by the clock of who films."""
    place: tuple[int, int, int, int]
    """Left, top, width and height."""
    screen: tuple[int, int]
    """How large that is."""
    ticket: Ticket

    @property
    def is_whole(self) -> bool:
        """Whether it needs no picture before it."""
        return self.place == (0, 0, *self.screen)


class Film:
    """The last part of what a screen has shown; only what has changed is kept. Safe to use from several threads.

    :param most_bytes: on disk.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._spool = Spool(most_bytes)
        self._whole_every = most_bytes // _WHOLE_EVERY
        self._shots: deque[Shot] = deque(maxlen=_MOST_SHOTS)
        self._last: Pixels | None = None
        self._since_whole = 0
        """Bytes."""
        self._lock = threading.Lock()

    def add(self, ppm: bytes, at: float) -> None:
        """The screen is like this.

        :param at: seconds, by a clock that only goes on.
        :raises ValueError: that is no whole picture.
        :raises OSError: there is no room for it.
        """
        pixels = Pixels.of_ppm(ppm)
        with self._lock:
            place = self._place(pixels)
            if place is None:
                return
            whole = place == (0, 0, pixels.width, pixels.height)
            data = (pixels if whole else pixels.part(*place)).compressed()
            self._shots.append(Shot(at, place, (pixels.width, pixels.height), self._spool.put(data)))
            self._last, self._since_whole = pixels, 0 if whole else self._since_whole + len(data)

    def write(self, path: Path, until: float) -> bool:
        """Make the file.

        :param until: when it ends, by the same clock.
        :returns: whether there was anything to see.
        :raises OSError: it cannot be written.
        """
        with self._lock:
            shots = self._kept()
            if not shots:
                return False
            with open(path, "wb") as file:
                file.writelines(self._file(shots, until))
            return True

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._shots.clear()
            self._last = None
            self._spool.close()

    def _place(self, pixels: Pixels) -> tuple[int, int, int, int] | None:
        """What is to be kept of a picture; None if nothing has changed."""
        last = self._last
        if last is not None and (last.width, last.height) == (pixels.width, pixels.height):
            changed = None if last.rows == pixels.rows else pixels.changed(last)
            if changed is None or self._since_whole < self._whole_every:
                return changed
        return 0, 0, pixels.width, pixels.height

    def _kept(self) -> list[Shot]:
        """Those that are still there, from a whole one on."""
        shots = [shot for shot in self._shots if self._spool.holds(shot.ticket)]
        first = next((number for number, shot in enumerate(shots) if shot.is_whole), len(shots))
        return shots[first:]

    def _file(self, shots: Sequence[Shot], until: float) -> Iterator[bytes]:
        """The parts of the file: see "APNG specification", now chapter 11.3.5 of PNG's third edition."""
        width, height = (max(shot.screen[side] for shot in shots) for side in (0, 1))
        frames = [*_frames(shots, (width, height), until)]
        yield header(width, height)
        yield chunk(b"acTL", struct.pack(">II", len(frames), 0))
        number = 0
        for shot, place, delay in frames:
            data = Pixels.black(*place[2:]).compressed() if shot is None else self._spool.get(shot.ticket)
            assert data is not None
            left, top, *size = place
            yield chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *size, left, top, delay, _HUNDREDTHS, 0, 0))
            if number == 0:
                yield chunk(b"IDAT", data)
            else:
                yield chunk(b"fdAT", struct.pack(">I", number + 1) + data)
            number += 1 if number == 0 else 2
        yield chunk(b"IEND", b"")


def _frames(
    shots: Sequence[Shot], canvas: tuple[int, int], until: float
) -> Iterator[tuple[Shot | None, tuple[int, int, int, int], int]]:
    """Each with its place and how long it is shown, in hundredths of a second.

    None is black: around a screen that is smaller than another one of the film nothing is to be left of that.
    """
    end = max(until, shots[-1].at + _LAST_SECONDS)
    screen = canvas
    for shot, after in pairwise([*shots, None]):
        assert shot is not None
        if shot.screen != screen:
            yield None, (0, 0, *canvas), 1
        screen = shot.screen
        shown = (end if after is None else after.at) - shot.at
        yield shot, shot.place, min(max(round(shown * _HUNDREDTHS), 1), _LONGEST)
