"""The resident PowerShell of a guest, started once and used over tunnels; scripts/library is its other half."""

from __future__ import annotations

import copy
import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_smolvm.errors import ResidentLost, TimedOut
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.commands.decoding import codec
from pytest_smolvm.guest.commands.output import Output
from pytest_smolvm.guest.commands.shells import Script, Sinks
from pytest_smolvm.guest.commands.workers import Route, Tunnel, Worker, Workers
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.names import ENGLISH_CODE_PAGE
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.host.secret import Secret, unseen
from pytest_smolvm.host.waiting import Deadline

SECRET_BYTES = 32
START_SECONDS = stretched(600.0)  # several PowerShell starts, on an emulated processor that others use, too
_CLOCK_SECONDS = stretched(10.0)
_PATIENCE_SECONDS = stretched(5.0)


@dataclass(frozen=True)
class Endpoint:
    """Where the resident of a guest listens."""

    ports: tuple[int, ...]
    """One per process; each runs one call at a time."""
    secret: str = field(repr=False)
    """What a connection has to begin with; hexadecimal."""
    sets_clock: bool = True
    """Whether it may set the guest's clock."""
    code_page: str = ENGLISH_CODE_PAGE
    """What the guest's programs print that know no UTF-8, by Python's name."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Endpoint:
        """The one that became a JSON record by :func:`dataclasses.asdict`."""
        return cls(tuple(record["ports"]), Secret(record["secret"]), record["sets_clock"], record["code_page"])


def start(ssh: Ssh, *, processes: int = 2, timeout: float = START_SECONDS, source: str = "") -> Endpoint:
    """Start the resident, so that it outlives the SSH session, and wait until it listens.

    :param processes: how many calls are to run at once.
    :param source: the library to take instead of ours.
    :raises ResidentLost: it did not start; the message has what PowerShell said.
    """
    secret = Secret(secrets.token_hex(SECRET_BYTES))
    line, program = powershell.bootstrap("library", "start")
    before = program + powershell.loading(source or powershell.library()) + struct.pack("<i", processes)
    stdout, stderr = Output(ssh.code_page), Output(ssh.code_page)
    sinks = {"on_stdout": stdout.write, "on_stderr": stderr.write}
    try:
        with unseen():
            code = ssh.execute(line, stdin=before + secret.encode(), timeout=timeout, **sinks)
    except TimedOut as exc:
        raise ResidentLost(f"the resident PowerShell did not start within {timeout:g} s: {stderr.text}") from exc
    if code != 0:
        raise ResidentLost(f"the resident PowerShell did not start (exit code {code}): {stderr.text}")
    code_page, *ports = stdout.text.split()
    return Endpoint(tuple(map(int, ports)), secret, code_page=codec(code_page))


class Resident:
    """The resident of one guest, as seen from here. Safe to use from several threads.

    :param tunnel: opens a stream to a port of the guest's loopback; `Ssh.tunnel`.
    :param alive: whether what the tunnels go through still stands; `Ssh.alive`.
    :param patience: seconds that a caller waits for one of its processes while none comes free.
    """

    def __init__(
        self,
        tunnel: Tunnel,
        endpoint: Endpoint,
        alive: Callable[[], bool] = lambda: True,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._route = Route(tunnel, alive)
        self._endpoint = endpoint
        self._workers = Workers([Worker(port, endpoint.secret) for port in endpoint.ports], patience)
        self.code_page = endpoint.code_page
        """What the guest's programs print that know no UTF-8, by Python's name."""

    def via(self, tunnel: Tunnel, alive: Callable[[], bool] = lambda: True) -> Resident:
        """The same resident, reached in another way."""
        other = copy.copy(self)
        other._route = Route(tunnel, alive)
        return other

    def same_as(self, other: Resident) -> bool:
        """Whether the two differ at most in how they are reached."""
        return self._workers is other._workers

    @property
    def processes(self) -> int:
        """How many of its processes are not known to be dead."""
        return self._workers.living

    @property
    def at_rest(self) -> Endpoint | None:
        """Where those of its processes listen that nobody uses at this moment; None if there are none."""
        ports = self._workers.idle
        return replace(self._endpoint, ports=ports) if ports else None

    def run(self, script: Script, sinks: Sinks) -> int:
        """Run a script in a new runspace, handing over its output as it comes.

        :returns: the exit code, unsigned 32-bit.
        :raises ResidentLost: no process is there or free, or it broke; `begun` tells whether the script had begun.
        :raises GuestUnreachable: not the resident broke, but the way to it.
        :raises TimedOut: the time-out came; the script and its programs were ended.
        """
        deadline = Deadline(script.timeout)
        request = powershell.request(script.text, script.args)
        with self._workers.one(deadline) as worker:
            return worker.run(self._route, request, script.stdin, deadline, sinks)

    def set_clock(self, utc: float | None = None) -> None:
        """Set the guest's clock.

        :param utc: seconds since 1970; None means now.
        :raises ResidentLost: nobody is there, or the guest refused.
        """
        with self._workers.one(Deadline(_CLOCK_SECONDS)) as worker:
            worker.set_clock(self._route, utc)

    def warm_up(self, calls: int = 1) -> None:
        """Make so many calls, by its processes in turn: first they compile, which takes long on an emulated processor.

        :raises ResidentLost: nobody is there, or what a script prints does not arrive.
        """
        for _ in range(calls):
            printed = bytearray()
            self.run(Script("1", timeout=START_SECONDS), Sinks(printed.extend, nothing))
            if printed.split() != [b"1"]:
                raise ResidentLost(f"the guest's PowerShell printed {bytes(printed)!r} where it was to print 1")

    def close(self) -> None:
        """End the connections. The resident itself stays. To be called before a guest is frozen."""
        self._workers.close()
