"""The processes of a resident PowerShell, each used by one caller at a time over a connection that stays."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from pytest_smolvm.errors import GuestUnreachable, ResidentLost, SmolVMError, TimedOut
from pytest_smolvm.guest.commands.frames import Broken, Call, Frames, NoAnswer
from pytest_smolvm.guest.commands.shells import Sinks
from pytest_smolvm.guest.link.channels import Stream
from pytest_smolvm.host import clock
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.secret import Secret, unseen
from pytest_smolvm.host.waiting import Deadline, until

_CLOCK_SECONDS = stretched(10.0)
_RESTART_SECONDS = stretched(60.0)
_NONE = Deadline(0)
_EPOCH_1601 = 11644473600  # seconds from Windows' epoch to Unix'

Tunnel = Callable[[str, int], Stream]
"""Opens a stream to a host and port as seen from the guest."""


@dataclass(frozen=True)
class Route:
    """How a resident is reached."""

    tunnel: Tunnel
    alive: Callable[[], bool]
    """Whether what the tunnels go through still stands."""

    def broken(self, port: int) -> bool:
        """Whether what the tunnels go through has ended, rather than who listens on a port.

        A connection ends its tunnels first; is_authenticated() lags behind, and opening a tunnel forces the answer.
        """
        with suppress(GuestUnreachable, OSError):
            self.tunnel("127.0.0.1", port).close()
        return not self.alive()


class Workers:
    """The processes of a resident, in turn, for whoever comes.

    :param patience: seconds without a move, after which a caller may go another way: those in front may wait for it.
    """

    def __init__(self, workers: list[Worker], patience: float) -> None:
        self._idle = workers
        self._patience = patience
        self.living = len(workers)
        """How many of them are not known to be dead."""
        self._turns = 0  # calls that have ended, or gone another way
        self._changed = threading.Condition()

    def close(self) -> None:
        """End the connections of those that nobody uses."""
        with self._changed:
            for worker in self._idle:
                worker.close()

    @property
    def idle(self) -> tuple[int, ...]:
        """The ports of those that nobody uses at this moment."""
        with self._changed:
            return tuple(worker.port for worker in self._idle)

    @contextmanager
    def one(self, deadline: Deadline) -> Iterator[Worker]:
        """One of them, alone, for the length of the block.

        :raises ResidentLost: none is left, or all stay busy.
        """
        with self._changed:
            while not self._idle:
                if not self.living:
                    raise ResidentLost("the guest's resident PowerShell is gone")
                turns = self._turns
                if not self._changed.wait_for(partial(self._turned, turns), deadline.at_most(self._patience)):
                    if deadline.passed:
                        raise TimedOut("a free process of the resident PowerShell", deadline.seconds or 0)
                    # One at a time: all of a crowd would start a powershell.exe each, in a guest that may just be slow.
                    self._turns += 1
                    self._changed.notify_all()
                    raise ResidentLost("all processes of the resident PowerShell are busy")
            worker = self._idle.pop(0)  # in turn: each prepares its next runspace while another is asked
        try:
            yield worker
        finally:
            with self._changed:
                if worker.gone:
                    self.living -= 1
                else:
                    self._idle.append(worker)
                self._turns += 1
                self._changed.notify_all()

    def _turned(self, turns: int) -> bool:
        """Whether a call has ended, or gone another way, since there were `turns` of them."""
        return turns != self._turns


class Worker:
    """One process of the resident, used by one thread at a time over a connection that stays."""

    def __init__(self, port: int, secret: str) -> None:
        self._tunnel: Tunnel | None = None  # that the connection goes through
        self.port = port
        """Where it listens, in the guest."""
        self._secret = Secret(secret)
        self._frames: Frames | None = None
        # Until when it may be away, because a call that was left unfinished made it restart itself.
        self._restart = _NONE
        self.gone = False
        """Whether it does not answer any more."""

    def run(self, route: Route, request: bytes, stdin: bytes, deadline: Deadline, sinks: Sinks) -> int:
        """One call; see `Resident.run`.

        :param request: a script and its arguments, as call.ps1 reads them.
        """
        while True:
            call = Call(self._connected(route, deadline), stdin, deadline, sinks)
            try:
                code = call.run(request)
                self._restart = _NONE
                return code
            except NoAnswer:
                self._restart = Deadline(_RESTART_SECONDS)
                raise TimedOut("the script", deadline.seconds or 0) from None
            except Broken as exc:
                # A call that had not begun: its process ended with the call before it. Retry on the new process.
                if call.begun or self._restart.passed:
                    self._restart = Deadline(_RESTART_SECONDS)
                    lost = ResidentLost(
                        f"the guest's PowerShell ended in the middle of a call: {exc}", begun=call.begun
                    )
                    raise self._loss(route.broken(self.port), lost) from exc
            finally:
                if not call.ended:
                    self.close()

    def set_clock(self, route: Route, utc: float | None) -> None:
        """See `Resident.set_clock`."""
        frames = self._connected(route, Deadline(None))
        try:
            now = clock.utc() if utc is None else utc
            frames.send(b"C", struct.pack("<q", int((now + _EPOCH_1601) * 10_000_000)), _CLOCK_SECONDS)
            kind, answer = frames.receive(_CLOCK_SECONDS)
        except (Broken, NoAnswer) as exc:
            self.close()
            raise self._loss(
                route.broken(self.port), ResidentLost(f"the guest's PowerShell did not answer: {exc}")
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

    def _connected(self, route: Route, deadline: Deadline) -> Frames:
        # Only the caller's own tunnel is sure to stay; one that ended between two calls has none of our scripts begun.
        if self._frames is not None and (self._tunnel != route.tunnel or self._frames.ended):
            self.close()
        if self._frames is None:
            try:
                self._frames = self._connect(route) if self._restart.passed else self._connect_again(route, deadline)
            except (GuestUnreachable, OSError) as exc:
                if deadline.passed:
                    raise TimedOut("the script", deadline.seconds or 0) from None
                raise self._loss(
                    not route.alive(), ResidentLost(f"the guest's resident PowerShell is not there: {exc}")
                ) from exc
            self._tunnel = route.tunnel
        return self._frames

    def _connect(self, route: Route) -> Frames:
        stream = route.tunnel("127.0.0.1", self.port)
        with unseen():
            stream.sendall(self._secret.encode())
        return Frames(stream)

    def _connect_again(self, route: Route, deadline: Deadline) -> Frames:
        """As soon as it has restarted itself."""

        def attempt() -> Frames | None:
            try:
                return self._connect(route)
            except (GuestUnreachable, OSError):
                if not route.alive():
                    raise
                return None

        return until(
            "the restart of the guest's PowerShell", attempt, timeout=deadline.at_most(self._restart.left or 0)
        )
