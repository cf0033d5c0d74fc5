"""What goes over a connection to a resident PowerShell: frames, and the calls that are made of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_smolvm.guest.commands.shells import Sinks
from pytest_smolvm.guest.link.channels import Stream
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline

_PIECE = 65536
_PIECES_AHEAD = 2  # pieces of input on their way; more only after the guest has taken one
_HEAD = 5  # bytes before a frame's data
# How long a stopped script may take to end; the guest's half gives up after 3 s and restarts itself.
_STOP_SECONDS = stretched(10.0)
# How long the guest may take to say that a script begins, which is the first that it does; but on an emulated processor
# that others use, too, what it does for the first time takes minutes. This only ends what would wait for ever.
_BEGIN_SECONDS = stretched(600.0)
_CLOSE = 1.0  # seconds that a wait may end too early


class Broken(Exception):
    """A connection ended, or cannot be used."""


class NoAnswer(Exception):
    """No answer within the time-out, or nothing was taken."""


class Frames:
    """Frames over a stream: a letter, a length and that many bytes. A time-out loses nothing of a frame half read."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._got = bytearray()

    def send(self, kind: bytes, data: bytes, timeout: float | None) -> None:
        """Send one.

        :raises NoAnswer: it was not taken for `timeout` seconds.
        :raises Broken: the other side has ended.
        """
        with self._patient(timeout):
            self._stream.sendall(kind + struct.pack("<i", len(data)) + data)

    def receive(self, timeout: float | None) -> tuple[bytes, bytes]:
        """The next one.

        :raises NoAnswer: nothing came for `timeout` seconds.
        :raises Broken: the other side has ended.
        """
        self._fill(_HEAD, timeout)
        end = _HEAD + int(struct.unpack_from("<i", self._got, 1)[0])
        self._fill(end, timeout)
        kind, data = bytes(self._got[:1]), bytes(self._got[_HEAD:end])
        del self._got[:end]
        return kind, data

    @property
    def ended(self) -> bool:
        """Whether the other side has gone while nothing was asked of it."""
        try:
            self._fill(len(self._got) + 1, 0)
        except NoAnswer:
            return False
        except Broken:
            return True
        return False

    def _fill(self, size: int, timeout: float | None) -> None:
        while len(self._got) < size:
            with self._patient(timeout):
                more = self._stream.recv(max(_PIECE, size - len(self._got)))
            if not more:
                raise Broken("the connection ended")
            self._got += more

    @contextmanager
    def _patient(self, timeout: float | None) -> Iterator[None]:
        try:
            # Zero would mean "do not block" and fail even if something is there.
            self._stream.settimeout(timeout if timeout is None else max(timeout, 0.001))
            yield
        except TimeoutError:
            raise NoAnswer(f"silent for {timeout} s") from None
        except OSError as exc:
            raise Broken(str(exc)) from exc

    def close(self) -> None:
        """End the stream."""
        self._stream.close()


class Call:
    """One call on a connection: input goes one way while output comes the other.

    :param begin: seconds within which the guest has to say that the script begins.
    """

    def __init__(
        self, frames: Frames, stdin: bytes, deadline: Deadline, sinks: Sinks, begin: float = _BEGIN_SECONDS
    ) -> None:
        self._frames = frames
        self._begin = begin
        self._pieces = [(b"I", stdin[start : start + _PIECE]) for start in range(0, len(stdin), _PIECE)] + [(b"E", b"")]
        self._deadline = deadline
        self._sinks = {b"o": sinks.stdout, b"e": sinks.stderr}
        self.begun = False
        """Whether the guest has said anything, as it does before the script begins."""
        self.ended = False
        """Whether the exit code has come: only then is the connection good for another call."""

    def run(self, request: bytes) -> int:
        """Send the request and carry input and output until the exit code comes.

        :raises NoAnswer: the time was up; the script was told to stop.
        :raises Broken: the other side has ended, or has not even begun for so long that nobody is there: a port may go
            on listening when its process has ended, as one does that another program inherited.
        """
        try:
            self._frames.send(b"R", request, self._patience(self._deadline))
            for _ in range(_PIECES_AHEAD):
                self._send_input(self._deadline)
            return self._until_end(self._deadline)
        except NoAnswer:
            left = self._deadline.left
            self._stop()
            if left is None or left > _CLOSE:
                raise Broken("nobody has said in time that the script begins") from None
            raise

    def _patience(self, deadline: Deadline) -> float | None:
        """How long the next step may take: a script that has begun has all the time that it was given."""
        return deadline.left if self.begun else deadline.at_most(self._begin)

    def _until_end(self, deadline: Deadline) -> int:
        while True:
            kind, data = self._frames.receive(self._patience(deadline))
            self.begun = True
            if kind == b"x":
                self.ended = True
                return int(struct.unpack("<I", data)[0])
            if kind == b"i":
                self._send_input(deadline)
            elif kind != b"b":
                self._sinks[kind](data)
            if deadline.passed:
                raise NoAnswer

    def _send_input(self, deadline: Deadline) -> None:
        """Send the next piece, or that there is none. More than a few under way could block both sides."""
        if self._pieces:
            self._frames.send(*self._pieces.pop(0), self._patience(deadline))

    def _stop(self) -> None:
        deadline = Deadline(_STOP_SECONDS)
        try:
            self._frames.send(b"S", b"", deadline.left)
            self._until_end(deadline)
        except (Broken, NoAnswer):
            pass  # it does not end, so its process is about to restart itself
