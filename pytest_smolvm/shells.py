"""Which PowerShell runs a script: the resident one, or a new one where that is lost."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence

from pytest_smolvm import powershell
from pytest_smolvm.commands import NewPowerShell, Sink
from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.resident import Guest, Resident, ResidentLost, Seat, start


class ResidentLostWarning(UserWarning):
    """A guest's resident PowerShell is gone: until another is there, calls start a powershell.exe each."""


class WithFallback:
    """The resident of a guest; a new powershell.exe for a call that it cannot take. Starts another when it is gone.

    :param ssh: the connection for all of that; a restart ends with it.
    """

    def __init__(self, seat: Seat, ssh: Guest) -> None:
        self._ssh = ssh
        self._resident = Resident(ssh.tunnel, seat)
        self._new = NewPowerShell(ssh)
        self._restart: threading.Thread | None = None
        self._restarting = threading.Lock()

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
        """See `commands.Shell.run`.

        :raises ResidentLost: it broke when the script had begun, which is not run a second time.
        """
        resident = self._resident
        while living := resident.processes:
            try:
                return resident.run(script, args=args, stdin=stdin, timeout=timeout, on_stdout=on_stdout, on_stderr=on_stderr)
            except ResidentLost as exc:
                if not resident.processes:
                    self._replace(resident, exc)
                if exc.begun:
                    raise
                if resident.processes == living:
                    break  # they are busy
        return self._new.run(script, args=args, stdin=stdin, timeout=timeout, on_stdout=on_stdout, on_stderr=on_stderr)

    def _replace(self, lost: Resident, reason: ResidentLost) -> None:
        """Once for every resident that is gone."""
        with self._restarting:
            if self._resident is not lost or self._restart is not None:
                return
            self._restart = threading.Thread(target=self._start, name="smolvm resident", daemon=True)
            self._restart.start()
        warnings.warn(f"{reason}; until it is back every call starts a powershell.exe", ResidentLostWarning, stacklevel=5)

    def _start(self) -> None:
        try:
            resident = Resident(self._ssh.tunnel, start(self._ssh))
        except (SmolVMError, OSError):
            return  # the guest has ended, or cannot have one; calls go on without
        with self._restarting:
            self._resident = resident
            self._restart = None
