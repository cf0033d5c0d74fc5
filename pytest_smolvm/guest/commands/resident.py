"""The resident PowerShell of a guest: started once, then used call by call over tunnels; scripts/resident.ps1 is its other half."""

from __future__ import annotations

import copy
import json
import secrets
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Protocol

from pytest_smolvm.errors import GuestUnreachable, ResidentLost, SmolVMError, TimedOut
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.commands.frames import Broken, Call, Frames, Silent
from pytest_smolvm.guest.link.ssh import Sink, Stream
from pytest_smolvm.host.waiting import Deadline, until

_SECRET_BYTES = 32
_START_SECONDS = 300.0  # several PowerShell starts, on an emulated processor
_ANSWER_SECONDS = 10.0
# A caller waits while others get their turn. When nothing moves for so long, those in front may wait for the caller.
_PATIENCE_SECONDS = 5.0
_RESTART_SECONDS = 60.0
_NONE = Deadline(0)
_EPOCH_1601 = 11644473600  # seconds from Windows' epoch to Unix'

Tunnel = Callable[[str, int], Stream]
"""Opens a stream to a host and port as seen from the guest."""


class Guest(Protocol):
    """What starts the resident; `ssh.Ssh` is one."""

    def execute(
        self, request: str, *, on_stdout: Sink, on_stderr: Sink, stdin: bytes = b"", timeout: float | None = None
    ) -> int:
        """Run to the end and return the exit code."""

    def tunnel(self, host: str, port: int) -> Stream:
        """A stream to a port as seen from the guest."""


@dataclass(frozen=True)
class _Way:
    """How a resident is reached."""

    tunnel: Tunnel
    alive: Callable[[], bool]

    def broken(self, port: int) -> bool:
        """Whether what the tunnels go through has ended, rather than who listens on a port.

        An SSH connection ends its tunnels first. Only asking it for another one lasts until it knows of its own end.
        """
        with suppress(GuestUnreachable, OSError):
            self.tunnel("127.0.0.1", port).close()
        return not self.alive()


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
        raise ResidentLost(
            f"the resident PowerShell did not start within {timeout:g} s: {stderr.decode('utf-8', 'replace')}"
        ) from exc
    if code != 0:
        raise ResidentLost(
            f"the resident PowerShell did not start (exit code {code}): {stderr.decode('utf-8', 'replace')}"
        )
    return Seat(tuple(int(port) for port in stdout.split()), secret)


class Resident:
    """The resident of one guest, as seen from here. Safe to use from several threads.

    :param tunnel: opens a stream to a port of the guest's loopback; `ssh.Ssh.tunnel`.
    :param alive: whether what the tunnels go through still stands; `ssh.Ssh.alive`.
    """

    def __init__(self, tunnel: Tunnel, seat: Seat, alive: Callable[[], bool] = lambda: True) -> None:
        self._way = _Way(tunnel, alive)
        self._hall = _Hall([_Process(port, seat.secret) for port in seat.ports])

    def over(self, tunnel: Tunnel, alive: Callable[[], bool] = lambda: True) -> Resident:
        """The same resident, reached in another way."""
        other = copy.copy(self)
        other._way = _Way(tunnel, alive)
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
        :raises GuestUnreachable: not the resident broke, but the way to it.
        :raises TimedOut: the time-out came.
        """
        deadline = Deadline(timeout)
        request = powershell.request(script, args)
        with self._hall.process(deadline) as process:
            return process.run(self._way, request, stdin, deadline, on_stdout, on_stderr)

    def set_clock(self, utc: float | None = None) -> None:
        """Set the guest's clock.

        :param utc: seconds since 1970; None means now.
        :raises ResidentLost: nobody is there, or the guest refused.
        """
        with self._hall.process(Deadline(_ANSWER_SECONDS)) as process:
            process.set_clock(self._way, utc)

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
        self._turns = 0  # calls that have ended, or gone another way
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
                    # One at a time: all of a crowd would start a powershell.exe each, in a guest that may just be slow.
                    self._turns += 1
                    self._changed.notify_all()
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
        self._frames: Frames | None = None
        self._restart = (
            _NONE  # until when it may be away, because a call that was left unfinished made it restart itself
        )
        self.gone = False
        """Whether it does not answer any more."""

    def run(self, way: _Way, request: bytes, stdin: bytes, deadline: Deadline, on_stdout: Sink, on_stderr: Sink) -> int:
        """One call."""
        while True:
            call = Call(self._connected(way, deadline), stdin, deadline, on_stdout, on_stderr)
            try:
                code = call.run(request)
                self._restart = _NONE
                return code
            except Silent:
                self._restart = Deadline(_RESTART_SECONDS)
                raise TimedOut("the script", deadline.seconds or 0) from None
            except Broken as exc:
                # What had not begun was waiting for a call before it, with which the process has then ended: to the successor with it.
                if call.begun or self._restart.passed:
                    self._restart = Deadline(_RESTART_SECONDS)
                    lost = ResidentLost(
                        f"the guest's PowerShell ended in the middle of a call: {exc}", begun=call.begun
                    )
                    raise self._loss(way.broken(self._port), lost) from exc
            finally:
                if not call.ended:
                    self.close()

    def set_clock(self, way: _Way, utc: float | None) -> None:
        """See `Resident.set_clock`."""
        frames = self._connected(way, Deadline(None))
        try:
            now = time.time() if utc is None else utc
            frames.send(b"C", struct.pack("<q", int((now + _EPOCH_1601) * 10_000_000)), _ANSWER_SECONDS)
            kind, answer = frames.receive(_ANSWER_SECONDS)
        except (Broken, Silent) as exc:
            self.close()
            raise self._loss(
                way.broken(self._port), ResidentLost(f"the guest's PowerShell did not answer: {exc}")
            ) from exc
        if kind != b"c" or answer != b"\1":
            raise ResidentLost(
                "the guest did not let its clock be set: its user lacks the right to (SeSystemtimePrivilege)"
            )

    def close(self) -> None:
        """End the connection; the next call makes another."""
        frames, self._frames = self._frames, None
        if frames is not None:
            frames.close()

    def _loss(self, broken: bool, lost: ResidentLost) -> SmolVMError:
        """What to raise when there is no connection any more: the process has ended, unless the way to it is broken."""
        if broken:
            return GuestUnreachable("the SSH connection broke")
        self.gone = True
        return lost

    def _connected(self, way: _Way, deadline: Deadline) -> Frames:
        # Only the caller's own tunnel is sure to stay; and one that ended between two calls has none of our scripts begun.
        if self._frames is not None and (self._tunnel != way.tunnel or self._frames.ended):
            self.close()
        if self._frames is None:
            try:
                self._frames = self._connect(way) if self._restart.passed else self._connect_again(way, deadline)
            except (GuestUnreachable, OSError) as exc:
                if deadline.passed:
                    raise TimedOut("the script", deadline.seconds or 0) from None
                raise self._loss(
                    not way.alive(), ResidentLost(f"the guest's resident PowerShell is not there: {exc}")
                ) from exc
            self._tunnel = way.tunnel
        return self._frames

    def _connect(self, way: _Way) -> Frames:
        stream = way.tunnel("127.0.0.1", self._port)
        stream.sendall(self._secret.encode())
        return Frames(stream)

    def _connect_again(self, way: _Way, deadline: Deadline) -> Frames:
        """As soon as it has restarted itself."""

        def attempt() -> Frames | None:
            try:
                return self._connect(way)
            except (GuestUnreachable, OSError):
                if not way.alive():
                    raise
                return None

        return until(
            "the restart of the guest's PowerShell", attempt, timeout=deadline.at_most(self._restart.left or 0)
        )
