"""The guest object's desktop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from pytest_smolvm.errors import ResidentLost, SmolVMError
from pytest_smolvm.guest.commands import run, spawned
from pytest_smolvm.guest.commands.methods import CommandMethods
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.commands.resident import Resident
from pytest_smolvm.guest.commands.shells import Shell
from pytest_smolvm.guest.commands.spawned import Spawned
from pytest_smolvm.guest.desktop import logon
from pytest_smolvm.guest.desktop.desktop import Desktop
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.hotline import Hotline
from pytest_smolvm.guest.desktop.session import DesktopSession
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.names import GuestPath
from pytest_smolvm.guest.screen.methods import ScreenMethods
from pytest_smolvm.host.secret import Secret


class DesktopMethods(CommandMethods, ScreenMethods):
    """Commands, the screen, and what uses both: programs with windows."""

    def __init__(self) -> None:
        super().__init__()
        self._session = DesktopSession(lambda: self._shells)
        self._hotline = Hotline(self._using, self._run_on_desktop)
        self._desktop = DesktopHelper(self._hotline, self.trail)

    @property
    def desktop(self) -> Desktop:
        """Programs, windows and controls.

        :raises UsageError: there is no guest.
        """
        self._running()
        return Desktop(self._desktop, self._spawn_on_desktop, self.baselines, lambda: self.screen)

    @contextmanager
    def _logon_kept(self, wanted: bool) -> Iterator[None]:
        """If `wanted`, whoever is logged on at the screen is so again after the restart in the block.

        Windows does that by itself where it was told to do it at each start; else it is told so for this once.

        :raises NoDesktop: it cannot be told so, or nobody is logged on in time.
        """
        before = None
        if wanted:
            with suppress(ResidentLost):  # without it there is no desktop, before or after
                before = self._logon_arranged()
        if before is None:
            yield
            return
        try:
            yield
            logon.wait(self._run_in_resident)
        except SmolVMError:
            with suppress(SmolVMError):  # the guest may be kept, and this has a password in it
                logon.forget(self._run_in_resident, before)
            raise
        logon.forget(self._run_in_resident, before)

    def _logon_arranged(self) -> str | None:
        """What is to be taken back; None if nothing was done."""
        if not logon.is_ending(self._run_in_resident):
            return None
        with self._using() as ssh:
            password = Secret(self._running().password(ssh))
        return logon.arrange(self._run_in_resident, password)

    def _shell_on_desktop(self, ssh: Ssh, /) -> Shell:
        return self._session.via(ssh)

    def _take_shells(self, resident: Resident | None) -> None:
        super()._take_shells(resident)
        self._session.forget()
        self._hotline.forget()
        self._desktop.forget()

    def _run_on_desktop(
        self, script: str, args: Sequence[Argument], *, stdin: bytes = b"", timeout: float | None = None
    ) -> RunResult:
        with self._using() as ssh:
            return run.run(ssh, script, args=args, resident=self._session.via(ssh), stdin=stdin, timeout=timeout)

    def _spawn_on_desktop(self, program: Sequence[GuestPath]) -> Spawned:
        return spawned.spawn(self._run_on_desktop, program)
