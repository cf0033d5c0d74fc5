"""The resident PowerShell of a guest: started once, then used call by call over tunnels; scripts/resident.ps1 is its other half."""

from __future__ import annotations

import copy
import json
import secrets
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Protocol

from pytest_smolvm import powershell
from pytest_smolvm.errors import GuestUnreachable, SmolVMError, TimedOut
from pytest_smolvm.ssh import Sink, Stream
from pytest_smolvm.waiting import Deadline, until

_SECRET_BYTES = 32
_START_SECONDS = 300.0  # several PowerShell starts, on an emulated processor
_PIECE = 65536
_PIECES_AHEAD = 2  # pieces of input on their way; more only after the guest has taken one
# How long a stopped script may take to end; the guest's half gives up after 3 s and restarts itself.
_STOP_SECONDS = 10.0
# A caller waits while others get their turn. When nothing moves for so long, those in front may wait for the caller.
_PATIENCE_SECONDS = 5.0
_RESTART_SECONDS = 60.0
_HEAD = 5  # bytes before a frame's data
_EPOCH_1601 = 11644473600  # seconds from Windows' epoch to Unix'

Tunnel = Callable[[str, int], Stream]
"""Opens a stream to a host and port as seen from the guest."""


class ResidentLost(SmolVMError):
    """The resident PowerShell is not there, or broke.

    :param begun: whether the script may have begun; if not, it can be run in another way.
    """

    def __init__(self, reason: str, begun: bool = False) -> None:
        super().__init__(reason, begun)
        self.reason = reason
        self.begun = begun

    def __str__(self) -> str:
        return self.reason


class Guest(Protocol):
    """What starts the resident; `ssh.Ssh` is one."""

    def execute(self, request: str, *, on_stdout: Sink, on_stderr: Sink, stdin: bytes = b"", timeout: float | None = None) -> int:
        """Run to the end and return the exit code."""

    def tunnel(self, host: str, port: int) -> Stream:
        """A stream to a port as seen from the guest."""


@dataclass(frozen=True)
class Seat:
    """Where the resident of a guest listens."""

    ports: tuple[int, ...]
    """One per process; each runs one call at a time."""
    secret: str = field(repr=False)
    """What a connection has to begin with; hexadecimal."""
    sets_clock: bool = True
    """Whether it may set the guest's clock."""

    def to_json(self) -> str:
        """As text for a file, which must be readable by its owner only."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Seat:
        """What `to_json` wrote."""
        read = json.loads(text)
        return cls(tuple(read["ports"]), read["secret"], read["sets_clock"])


def start(guest: Guest, *, processes: int = 2, timeout: float = _START_SECONDS) -> Seat:
    """Start the resident, so that it outlives the SSH session, and wait until it listens.

    :param processes: how many calls are to run at once.
    :raises ResidentLost: it did not start; the message has what PowerShell said.
    """
    secret = secrets.token_hex(_SECRET_BYTES)
    line, program = powershell.bootstrap("call", "native", "start")
    script = powershell.text_of("call", "native", "resident").encode()
    stdin = program + struct.pack("<i", processes) + secret.encode() + struct.pack("<i", len(script)) + script
    stdout, stderr = bytearray(), bytearray()
    try:
        code = guest.execute(line, stdin=stdin, timeout=timeout, on_stdout=stdout.extend, on_stderr=stderr.extend)
    except TimedOut as exc:
        raise ResidentLost(f"the resident PowerShell did not start within {timeout:g} s: {stderr.decode('utf-8', 'replace')}") from exc
    if code != 0:
        raise ResidentLost(f"the resident PowerShell did not start (exit code {code}): {stderr.decode('utf-8', 'replace')}")
    return Seat(tuple(int(port) for port in stdout.split()), secret)


class Resident:
    """The resident of one guest, as seen from here. Safe to use from several threads.

    :param tunnel: opens a stream to a port of the guest's loopback; `ssh.Ssh.tunnel`.
    """

    def __init__(self, tunnel: Tunnel, seat: Seat) -> None:
        self._tunnel = tunnel
        self._hall = _Hall([_Process(port, seat.secret) for port in seat.ports])

    def over(self, tunnel: Tunnel) -> Resident:
        """The same resident, reached in another way."""
        other = copy.copy(self)
        other._tunnel = tunnel
        return other

    def same_as(self, other: Resident) -> bool:
        """Whether the two differ at most in how they are reached."""
        return self._hall is other._hall

    @property
    def processes(self) -> int:
        """How many of its processes are not known to be dead."""
        return self._hall.living

    def run(
        self,
        script: str,
        *,
        args: Sequence[powershell.Argument] = (),
        stdin: bytes = b"",
        timeout: float | None = None,
        on_stdout: Sink,
        on_stderr: Sink,
    ) -> int:
        """Run a script in a new runspace, handing over its output as it comes.

        :param timeout: seconds; then the script and its programs are ended.
        :returns: the exit code, unsigned 32-bit.
        :raises ResidentLost: no process of it is there or free, or it broke; `begun` tells whether the script had begun.
        :raises TimedOut: the time-out came.
        """
        deadline = Deadline(timeout)
        request = powershell.request(script, args)
        with self._hall.process(deadline) as process:
            return process.run(self._tunnel, request, stdin, deadline, on_stdout, on_stderr)

    def set_clock(self, utc: float | None = None) -> None:
        """Set the guest's clock.

        :param utc: seconds since 1970; None means now.
        :raises ResidentLost: nobody is there, or the guest refused.
        """
        with self._hall.process(Deadline(_STOP_SECONDS)) as process:
            process.set_clock(self._tunnel, utc)

    def warm_up(self, calls: int = 1) -> None:
        """Make so many calls, by its processes in turn: what runs first is compiled first, which takes long on an emulated processor.

        :raises ResidentLost: nobody is there.
        """
        for _ in range(calls):
            self.run("1", timeout=_START_SECONDS, on_stdout=bytes, on_stderr=bytes)

    def close(self) -> None:
        """End the connections. The resident itself stays. To be called before a guest is frozen."""
        self._hall.close()


class _Hall:
    """The processes of a resident, in turn, for whoever comes."""

    def __init__(self, processes: list[_Process]) -> None:
        self._idle = processes
        self.living = len(processes)
        self._turns = 0  # calls that have ended
        self._changed = threading.Condition()

    def close(self) -> None:
        """End the connections of those that nobody uses."""
        with self._changed:
            for process in self._idle:
                process.close()

    @contextmanager
    def process(self, deadline: Deadline) -> Iterator[_Process]:
        """One of them, alone, for the length of the block.

        :raises ResidentLost: none is left, or all stay busy.
        """
        with self._changed:
            while not self._idle:
                if not self.living:
                    raise ResidentLost("the guest's resident PowerShell is gone")
                turns = self._turns
                if not self._changed.wait_for(lambda: turns != self._turns, deadline.at_most(_PATIENCE_SECONDS)):
                    if deadline.passed:
                        raise TimedOut("a free process of the resident PowerShell", deadline.seconds or 0)
                    raise ResidentLost("all processes of the resident PowerShell are busy")
            process = self._idle.pop(0)  # in turn: each prepares its next runspace while another is asked
        try:
            yield process
        finally:
            with self._changed:
                if process.gone:
                    self.living -= 1
                else:
                    self._idle.append(process)
                self._turns += 1
                self._changed.notify_all()


class _Process:
    """One process of the resident, used by one thread at a time over a connection that stays."""

    def __init__(self, port: int, secret: str) -> None:
        self._tunnel: Tunnel | None = None  # that the connection goes through
        self._port = port
        self._secret = secret
        self._frames: _Frames | None = None
        self._restarting = False
        self.gone = False
        """Whether it does not answer any more."""

    def run(self, tunnel: Tunnel, request: bytes, stdin: bytes, deadline: Deadline, on_stdout: Sink, on_stderr: Sink) -> int:
        """One call."""
        call = _Call(self._connected(tunnel), stdin, deadline, on_stdout, on_stderr)
        try:
            return call.run(request)
        except (OSError, EOFError) as exc:
            self.gone = not isinstance(exc, TimedOut)
            if isinstance(exc, TimedOut):
                self._restarting = not call.ended
                raise
            raise ResidentLost(f"the guest's PowerShell ended in the middle of a call: {exc}", begun=True) from exc
        finally:
            if not call.ended:
                self.close()

    def set_clock(self, tunnel: Tunnel, utc: float | None) -> None:
        """See `Resident.set_clock`."""
        frames = self._connected(tunnel)
        try:
            now = time.time() if utc is None else utc
            frames.send(b"C", struct.pack("<q", int((now + _EPOCH_1601) * 10_000_000)))
            kind, answer = frames.receive(_STOP_SECONDS)
        except (OSError, EOFError) as exc:
            self.close()
            self.gone = True
            raise ResidentLost(f"the guest's PowerShell did not answer: {exc}") from exc
        if kind != b"c" or answer != b"\1":
            raise ResidentLost("the guest did not let its clock be set: its user lacks the right to (SeSystemtimePrivilege)")

    def close(self) -> None:
        """End the connection; the next call makes another."""
        frames, self._frames = self._frames, None
        if frames is not None:
            frames.close()

    def _connected(self, tunnel: Tunnel) -> _Frames:
        # Only the caller's own tunnel is sure to stay; and one that ended between two calls has none of our scripts begun.
        if self._frames is not None and (self._tunnel != tunnel or self._frames.ended):
            self.close()
        if self._frames is None:
            try:
                self._frames = self._connect(tunnel) if not self._restarting else until(
                    "the restart of the guest's PowerShell", lambda: self._connect_again(tunnel), timeout=_RESTART_SECONDS
                )
            except (GuestUnreachable, OSError) as exc:
                self.gone = True
                raise ResidentLost(f"the guest's resident PowerShell is not there: {exc}") from exc
            self._tunnel = tunnel
            self._restarting = False
        return self._frames

    def _connect(self, tunnel: Tunnel) -> _Frames:
        stream = tunnel("127.0.0.1", self._port)
        stream.sendall(self._secret.encode())
        return _Frames(stream)

    def _connect_again(self, tunnel: Tunnel) -> _Frames | None:
        try:
            return self._connect(tunnel)
        except (GuestUnreachable, OSError):
            return None  # not yet


class _Frames:
    """Frames over a stream: a letter, a length and that many bytes. A time-out loses nothing of a frame half read."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._got = bytearray()

    def send(self, kind: bytes, data: bytes = b"") -> None:
        """Send one."""
        self._stream.sendall(kind + struct.pack("<i", len(data)) + data)

    def receive(self, timeout: float | None) -> tuple[bytes, bytes]:
        """The next one.

        :raises TimeoutError: nothing came for `timeout` seconds.
        :raises EOFError: the other side has ended.
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
        except TimeoutError:
            return False
        except (OSError, EOFError):
            return True
        return False

    def _fill(self, size: int, timeout: float | None) -> None:
        while len(self._got) < size:
            # Zero would mean "do not block" and fail even if something is there.
            self._stream.settimeout(timeout if timeout is None else max(timeout, 0.001))
            more = self._stream.recv(max(_PIECE, size - len(self._got)))
            if not more:
                raise EOFError("the connection ended")
            self._got += more

    def close(self) -> None:
        """End the stream."""
        self._stream.close()


class _Call:
    """One call on a connection: input goes one way while output comes the other."""

    def __init__(self, frames: _Frames, stdin: bytes, deadline: Deadline, on_stdout: Sink, on_stderr: Sink) -> None:
        self._frames = frames
        self._pieces = [(b"I", stdin[start : start + _PIECE]) for start in range(0, len(stdin), _PIECE)] + [(b"E", b"")]
        self._deadline = deadline
        self._sinks = {b"o": on_stdout, b"e": on_stderr}
        self.ended = False
        """Whether the exit code has come: only then is the connection good for another call."""

    def run(self, request: bytes) -> int:
        """Send the request and carry input and output until the exit code comes."""
        self._frames.send(b"R", request)
        for _ in range(_PIECES_AHEAD):
            self._send_input()
        try:
            return self._until_end(self._deadline)
        except TimeoutError:
            self._stop()
            raise TimedOut("the script", self._deadline.seconds or 0) from None

    def _until_end(self, deadline: Deadline) -> int:
        while True:
            kind, data = self._frames.receive(deadline.left)
            if kind == b"x":
                self.ended = True
                return int(struct.unpack("<I", data)[0])
            if kind == b"i":
                self._send_input()
            else:
                self._sinks[kind](data)
            if deadline.passed:
                raise TimeoutError

    def _send_input(self) -> None:
        """Send the next piece, or that there is none. More than a few under way could block both sides."""
        if self._pieces:
            self._frames.send(*self._pieces.pop(0))

    def _stop(self) -> None:
        try:
            self._frames.send(b"S")
            self._until_end(Deadline(_STOP_SECONDS))
        except (OSError, EOFError):
            pass  # it does not end, so its process is about to restart itself
