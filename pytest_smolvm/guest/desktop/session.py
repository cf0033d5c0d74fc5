"""The PowerShell in the session of the user who is logged on: where it is, and how it comes there.

An SSH server of Windows runs commands in session 0, which nobody sees. What is to be seen is started by a task of the
Task Scheduler that runs for the user who is logged on; scripts/summon.ps1 has it run once.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from pytest_smolvm.errors import CommandTimedOut, NoDesktop, ResidentLost, TimedOut
from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.commands.decoding import codec
from pytest_smolvm.guest.commands.fallback import In, Routed
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.commands.resident import SECRET_BYTES, START_SECONDS, Endpoint, Resident
from pytest_smolvm.guest.commands.shells import Script, Shell, Sinks
from pytest_smolvm.guest.desktop import library, source
from pytest_smolvm.guest.desktop.library import RunInResident
from pytest_smolvm.guest.desktop.unreachable import NotLoggedOn
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.host.secret import Secret, unseen
from pytest_smolvm.host.waiting import PATIENCE, Deadline, until

PROCESSES = 2
"""How many residents there are: a script may run while windows are looked at."""
_LOOK_SECONDS = 1.0
_ADVICE = (
    "windows build-image --desktop makes an image whose user is logged on at every start; in an image of another "
    "maker set AutoAdminLogon; or mark the test windows_vm(desktop=True) with boot='clone', for which ssh_user is "
    "logged on while the template is baked: see docs/desktop.md"
)
_REFUSED = "refused: "  # summon.ps1's word


class Ordinary(Protocol):
    """The PowerShells that the guest's SSH server has started."""

    def resident_only(self, ssh: Ssh) -> Shell:
        """Runs a script in the resident PowerShell and nowhere else."""


@dataclass(frozen=True)
class Whereabouts:
    """Where the ordinary resident is, and what is on the screen."""

    here: bool
    """Whether it is on the screen itself."""
    own: int
    """Its session."""
    shown: int
    """The session on the screen; 0: none."""
    user: str | None
    """Who is logged on there; empty: nobody, None: Windows does not say."""
    ours: str
    """Who it runs as."""
    automatic: bool
    """Whether Windows logs somebody on by itself when it has come up."""
    kept: str = field(repr=False)
    """What another host has started there: the secret, the code page, the ports; empty: nothing."""

    @property
    def is_ours(self) -> bool:
        """Whether the one who is logged on is whom commands run as."""
        return (self.user or "").casefold() == self.ours.casefold()

    def check(self) -> None:
        """Whether a resident can be started there.

        :raises NoDesktop: it cannot.
        """
        if not self.shown:
            raise NoDesktop("the guest's screen shows no session at this moment")
        if self.user is None:
            raise NoDesktop(f"Windows does not say who is logged on in session {self.shown}, which the screen shows")
        if not self.user:
            waited = ", though Windows is to log somebody on by itself (AutoAdminLogon)" if self.automatic else ""
            raise NotLoggedOn(f"nobody is logged on at the guest's screen{waited}: {_ADVICE}")
        if not self.is_ours:
            raise NoDesktop(
                f"{self.user} is logged on at the guest's screen, and commands run as {self.ours}: be "
                "ssh_user the one who is logged on"
            )


class DesktopSession:
    """What runs scripts in the session on the screen, from the start of a guest's system to its end.

    :param shells: the guest's ordinary ones. Their resident is used where it is on the screen itself.
    :param patience: seconds for a PowerShell to start there.
    """

    def __init__(self, shells: Callable[[], Ordinary], patience: float = START_SECONDS) -> None:
        self._shells = shells
        self._patience = patience
        self._starting = threading.Lock()
        """Held while the guest is asked; the other never is, since whoever calls `forget` may be who it waits for."""
        self._changing = threading.Lock()
        self._boots = 0
        self._here = False
        self._resident: Resident | None = None

    def via(self, ssh: Ssh) -> Shell:
        """Runs a script over a connection, where the one who is logged on would.

        Its `run` raises NoDesktop if nobody is, another one, or nothing can be started there, and ResidentLost if the
        PowerShell there ended with the script begun, which is not run a second time.
        """
        return Routed(self._attempt, ssh)

    def close(self) -> None:
        """End the connections; to be called before a guest is frozen."""
        if self._resident is not None:
            self._resident.close()

    def forget(self) -> None:
        """The system it was in has ended."""
        with self._changing:
            self._here, self._resident = False, None
            self._boots += 1

    def _attempt(self, ssh: Ssh, script: In) -> int:
        ended = 0
        while True:
            resident = self._ensure(ssh)
            if resident is None:
                return script(self._shells().resident_only(ssh))
            living = resident.processes
            try:
                return script(resident.via(ssh.tunnel, lambda: ssh.alive))
            except ResidentLost as exc:
                if exc.begun or resident.processes == living:
                    raise  # in the latter case they are busy
                ended += not resident.processes
                if ended > 1:  # it was started anew, once
                    raise NoDesktop(f"the PowerShell on the guest's screen ends again and again: {exc}") from exc

    def _ensure(self, ssh: Ssh) -> Resident | None:
        """The one in that session, started if there is none; None if the ordinary one is there itself."""
        with self._starting:
            with self._changing:
                here, resident, boots = self._here, self._resident, self._boots
            if here or (resident is not None and resident.processes):
                return resident
            resident = self._begun(ssh)
            with self._changing:
                if boots == self._boots:
                    self._here, self._resident = resident is None, resident
            return resident

    def _begun(self, ssh: Ssh) -> Resident | None:
        ordinary = partial(run_in, ssh, self._shells().resident_only(ssh))
        place = _looked(ordinary, min(self._patience, PATIENCE))
        if place.here:
            return None
        return _found(ssh, place) or Resident(ssh.tunnel, _summoned(ordinary, place.shown, self._patience))


def run_in(
    ssh: Ssh,
    resident: Shell,
    script: str,
    args: Sequence[Argument],
    *,
    stdin: bytes = b"",
    timeout: float | None = None,
) -> RunResult:
    """Run a script in a shell; see `RunInResident`."""
    return run.run(ssh, script, args=args, resident=resident, stdin=stdin, timeout=timeout)


def look(ordinary: RunInResident) -> Whereabouts:
    """Where the ordinary resident is, and what is on the screen at this moment."""
    with unseen():
        return Whereabouts(**library.ask(ordinary, Deadline(library.COMPILE_SECONDS), ["where"]))


def _looked(ordinary: RunInResident, patience: float) -> Whereabouts:
    """Where the ordinary resident is, as soon as somebody is logged on whom Windows logs on by itself.

    :param patience: seconds for that.
    :raises NoDesktop: it is not on the screen, and cannot start one there.
    """

    def settled() -> Whereabouts | None:
        place = look(ordinary)
        return place if place.here or not place.automatic or place.user else None

    try:
        place = until("a user who is logged on", settled, timeout=patience, interval=_LOOK_SECONDS)
    except TimedOut:
        place = look(ordinary)
    if not place.here:
        place.check()
    return place


def _found(ssh: Ssh, place: Whereabouts) -> Resident | None:
    """The one that runs there since before the guest was frozen, if it answers."""
    if not place.kept:
        return None
    secret, code_page, *ports = map(Secret, place.kept.split())
    resident = Resident(ssh.tunnel, _endpoint(secret, code_page, ports))
    try:
        resident.run(Script("", timeout=PATIENCE), Sinks(nothing, nothing))
    except (ResidentLost, TimedOut):
        return None  # it has ended since
    return resident


def _endpoint(secret: str, code_page: str, ports: Sequence[str]) -> Endpoint:
    return Endpoint(tuple(map(int, ports)), secret, sets_clock=False, code_page=codec(code_page))


def _summoned(ordinary: RunInResident, session: int, patience: float) -> Endpoint:
    """Start residents in that session.

    :raises NoDesktop: they did not start.
    """
    secret = Secret(secrets.token_hex(SECRET_BYTES))
    args: list[Argument] = [source.name(), session, PROCESSES, int(patience * 1000)]
    try:
        with unseen():
            result = ordinary(library.script("summon"), args, stdin=secret.encode() + b"\n", timeout=2 * START_SECONDS)
    except CommandTimedOut as exc:
        raise NoDesktop(f"no PowerShell has started in session {session} of the guest: {exc}") from exc
    said = result.check().stdout.strip()
    code_page, *ports = said.split() or [""]
    if said.startswith(_REFUSED):
        reason = said.removeprefix(_REFUSED)
        raise NoDesktop(
            f"the Task Scheduler runs nothing in session {session} of the guest, where the user is logged on: {reason}"
        )
    if len(ports) != PROCESSES or not all(map(str.isdecimal, ports)):
        raise NoDesktop(f"the PowerShell in session {session} of the guest did not start: {said or 'it said nothing'}")
    return _endpoint(secret, code_page, ports)
