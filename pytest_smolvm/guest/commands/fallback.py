"""The PowerShells of one guest: the resident, and a new one for each call where that is lost."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager

from pytest_smolvm.errors import ResidentLost, ResidentLostWarning, SmolVMError
from pytest_smolvm.guest.commands.resident import Endpoint, Resident, start
from pytest_smolvm.guest.commands.shells import NewPowerShell, Script, Shell, Sinks
from pytest_smolvm.guest.link.ssh import Ssh

In = Callable[[Shell], int]
"""Runs one certain script in a shell."""
Attempt = Callable[[Ssh, In], int]
"""Chooses shells for it, over a connection, and returns its exit code."""


class PowerShells:
    """What runs the scripts of one guest, from its start to its end or its reboot.

    :param using: lends the guest's connection.
    :param resident: the one that it came with, if any.
    """

    def __init__(self, using: Callable[[], AbstractContextManager[Ssh]], resident: Resident | None) -> None:
        self._using = using
        self._resident = resident
        self._restart: threading.Thread | None = None
        self._changing = threading.Lock()
        self._closed = False

    def via(self, ssh: Ssh) -> Shell | None:
        """What runs a script over a connection; None if the guest has no resident PowerShell to prefer."""
        return None if self._resident is None else Routed(self._with_fallback, ssh)

    def resident_only(self, ssh: Ssh) -> Shell:
        """Runs a script in the resident PowerShell only, starting it if there is none: for what outlives a call."""
        return Routed(self._in_resident, ssh)

    @property
    def at_rest(self) -> Endpoint | None:
        """Where the resident's processes listen that run nothing at this moment; None if there are none."""
        return None if self._resident is None else self._resident.at_rest

    def close(self) -> None:
        """The guest is about to end: start nothing in it any more. Calls under way are not waited for."""
        self._closed = True

    def _with_fallback(self, ssh: Ssh, run: In) -> int:
        """The resident; a new powershell.exe for a call that it cannot take."""
        resident = self._resident and self._resident.via(ssh.tunnel, lambda: ssh.alive)
        while resident is not None and (living := resident.processes):
            try:
                return run(resident)
            except ResidentLost as exc:
                if not resident.processes:
                    self._replace(resident, exc)
                if exc.begun:
                    raise
                if resident.processes == living:
                    break  # they are busy
        return run(NewPowerShell(ssh))

    def _in_resident(self, ssh: Ssh, run: In) -> int:
        """The resident and nothing else: what a script leaves behind stays for as long as that lives."""
        while True:
            resident = self._ensure(ssh)
            living = resident.processes
            try:
                return run(resident)
            except ResidentLost as exc:
                if exc.begun or resident.processes == living:
                    raise  # in the latter case they are busy

    def _ensure(self, ssh: Ssh) -> Resident:
        """The present one; a new one if there was none; the one that is being started, once it is there.

        :raises ResidentLost: it could not be started.
        """
        restart = self._restart
        if restart is not None:
            restart.join()
        with self._changing:
            if self._resident is None or not self._resident.processes:
                self._resident = Resident(ssh.tunnel, start(ssh))
            return self._resident.via(ssh.tunnel, lambda: ssh.alive)

    def _replace(self, lost: Resident, reason: ResidentLost) -> None:
        """Start another in the background and say so, once for every resident that is gone."""
        with self._changing:
            if self._closed or self._restart is not None or self._resident is None or not self._resident.same_as(lost):
                return
            self._restart = threading.Thread(target=self._start, name="smolvm resident", daemon=True)
            self._restart.start()
        warnings.warn(
            f"{reason}; until it is back every call starts a powershell.exe", ResidentLostWarning, stacklevel=6
        )

    def _start(self) -> None:
        try:
            with self._using() as ssh:
                if not self._closed:  # else this is a successor's connection
                    self._resident = Resident(ssh.tunnel, start(ssh))
        except (SmolVMError, OSError):
            return  # the guest has ended, or cannot have one; calls go on without, and nobody tries again
        self._restart = None


class Routed:
    """A shell that tries others in turn."""

    def __init__(self, attempt: Attempt, ssh: Ssh) -> None:
        self._attempt = attempt
        self._ssh = ssh

    def run(self, script: Script, sinks: Sinks) -> int:
        """See `shells.Shell.run`.

        :raises ResidentLost: it could not be started, or broke with the script begun, which is not run a second time.
        """
        return self._attempt(self._ssh, lambda shell: shell.run(script, sinks))
