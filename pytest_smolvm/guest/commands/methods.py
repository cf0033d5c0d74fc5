"""The guest object's methods for scripts and programs, and for waiting for what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pytest_smolvm.errors import CommandTimedOut, UsageError
from pytest_smolvm.guest.commands import run, spawned, values
from pytest_smolvm.guest.commands.fallback import PowerShells
from pytest_smolvm.guest.commands.history import History
from pytest_smolvm.guest.commands.output import OnLine, RunResult
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.commands.resident import Resident
from pytest_smolvm.guest.commands.shells import Script, Shell
from pytest_smolvm.guest.commands.spawned import Spawned
from pytest_smolvm.guest.link.access import GuestMethods
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.names import GuestPath
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.host.waiting import PATIENCE, Deadline, until_seen, until_true

T = TypeVar("T")

_SHOWN = 400  # characters of a stream's end


class CommandMethods(GuestMethods):
    """Scripts and programs of a guest. Time-outs are in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.on_output: OnLine | None = None
        """What :meth:`run` takes for `on_output` when it is given none; ``pytest -s`` prints the lines."""
        self.history = History(self.trail)
        """What :meth:`run` has run, with times and output."""
        self._shells = PowerShells(self._using, None)

    def run(
        self,
        script: str,
        *,
        args: Sequence[Argument] = (),
        shell: str = "powershell",
        timeout: float | None = None,
        check: bool = False,
        input: bytes | str = b"",
        fresh: bool = False,
        desktop: bool = False,
        on_output: OnLine | None = None,
        max_output: int | None = None,
    ) -> RunResult:
        """Run a PowerShell script, or one line of cmd.exe with ``shell="cmd"``, and wait for its end.

        In a clone PowerShell waits already and runs each script in a new runspace; else a powershell.exe is started.

        :param args: values for the script's parameters or ``$args``; they arrive as they are.
        :param timeout: seconds; then the command and its children are ended.
        :param check: raise if the exit code is not 0.
        :param input: for the command's standard input; text is sent as UTF-8.
        :param fresh: start a new powershell.exe in any case.
        :param desktop: run it in the session of the user who is logged on at the screen, where windows it opens are
            seen; starting a PowerShell there, at the first use, is not part of the time-out.
        :param on_output: called with every line of both streams, without its end, while the command runs.
        :param max_output: bytes of both streams together; more ends the command.
        :raises UsageError: `args` with ``shell="cmd"``; `desktop` with that or with `fresh`.
        :raises NoDesktop: with `desktop`: nobody is logged on, another user is, or nothing can be started there.
        :raises CommandTimedOut: with what was printed until then.
        :raises CommandFailed: with `check`, on a non-zero exit code.
        :raises OutputLimitExceeded: with what was printed until then.
        :raises GuestDied: the guest ended meanwhile.
        """
        if desktop and (fresh or shell != "powershell"):
            raise UsageError("desktop=True runs PowerShell scripts, in a PowerShell that waits there")
        wanted = Script(
            script, args, input.encode("utf-8", "surrogatepass") if isinstance(input, str) else input, timeout
        )

        def carried_out() -> RunResult:
            with self._using() as ssh:
                waits = self._shell_on_desktop(ssh) if desktop else self._shells.via(ssh)
                chosen = run.chosen(ssh, shell, None if fresh else waits)
                return run.carried_out(chosen, wanted, on_output or self.on_output, max_output, ssh.code_page)

        result = self.history.of(script, shell, carried_out)
        return result.check() if check else result

    def run_json(self, script: str, args: Sequence[Argument] = (), *, timeout: float | None = None) -> Any:
        """A PowerShell script's output as Python values; see :func:`pytest_smolvm.guest.commands.values.run_json`.

        :param timeout: seconds.
        :raises CommandFailed: the script ended with an error, or with an exit code other than 0.
        :raises ValueNotPrinted: the script ended itself, as with ``exit 0``, before its value was there.
        """

        def quietly(wrapped: str, given: Sequence[Argument]) -> RunResult:
            return self.run(wrapped, args=given, timeout=timeout, on_output=nothing)

        return values.run_json(quietly, script, args)

    def spawn(self, program: GuestPath | Sequence[GuestPath], *, directory: GuestPath = "") -> Spawned:
        """Start a program and leave it running; its output goes to files in the guest.

        It is a child of the resident PowerShell, which a guest booted cold gets for this.

        :param program: its words, or one command line as CreateProcess takes it; cmd.exe has no part in this.
        :param directory: where it is to run; empty means the user's home.
        :returns: a handle, to wait for it, to kill it with all it has started, and to read its output.
        :raises CommandFailed: there is no such program.
        :raises ResidentLost: the resident PowerShell could not be started.
        """
        return spawned.spawn(self._run_in_resident, program, directory=directory)

    def wait_until(self, predicate: Callable[[], T], timeout: float = PATIENCE, what: str = "the condition") -> T:
        """Call `predicate` again and again until it returns something true, and return that.

        :param what: for the error.
        :raises TimedOut: with what it returned last.
        """
        return until_true(predicate, timeout, what)

    def wait_until_succeeds(self, script: str, timeout: float = PATIENCE, *, shell: str = "powershell") -> RunResult:
        """Run a script again and again until its exit code is 0.

        :raises TimedOut: with its last exit code and output.
        """
        return self._until_exit(f"success of {script[:80]!r}", script, shell, lambda code: code == 0, timeout)

    def wait_until_fails(self, script: str, timeout: float = PATIENCE, *, shell: str = "powershell") -> RunResult:
        """Run a script again and again until its exit code is not 0.

        :raises TimedOut: with its last output.
        """
        return self._until_exit(f"failure of {script[:80]!r}", script, shell, lambda code: code != 0, timeout)

    def _until_exit(
        self, what: str, script: str, shell: str, wanted: Callable[[int], bool], timeout: float
    ) -> RunResult:
        return until_exit(what, lambda left: self.run(script, shell=shell, timeout=left), wanted, timeout)

    def _shell_on_desktop(self, _ssh: Ssh, /) -> Shell:
        """What runs scripts in the session of the user who is logged on; `desktop.methods` has it."""
        raise UsageError(f"a {type(self).__name__} has no desktop")

    def _run_in_resident(
        self, script: str, args: Sequence[Argument], *, stdin: bytes = b"", timeout: float | None = None
    ) -> RunResult:
        with self._using() as ssh:
            resident = self._shells.resident_only(ssh)
            return run.run(ssh, script, args=args, resident=resident, stdin=stdin, timeout=timeout)

    def _restarted(self) -> None:
        """The guest's system has come up again without being asked to by us."""
        self.trail.tell("state", "the guest has restarted by itself")
        self._take_shells(None)

    def _take_shells(self, resident: Resident | None) -> None:
        """From now on scripts run in the PowerShells of a guest, or of its system, that has just come up.

        :param resident: the one that it came with, if any.
        """
        self._shells.close()
        self._shells = PowerShells(self._running().using, resident)


def until_exit(
    what: str, run: Callable[[float], RunResult], wanted: Callable[[int], bool], timeout: float
) -> RunResult:
    """Run a command again and again until its exit code is one that is `wanted`.

    :param what: what is waited for, for the error.
    :param run: runs it with a time-out in seconds.
    :param timeout: seconds.
    :raises TimedOut: with the last exit code and output.
    """
    deadline = Deadline(timeout)

    def attempt() -> tuple[RunResult | None, str]:
        try:
            result = run(deadline.left or 1.0)
        except CommandTimedOut as exc:
            return None, f"it did not end; stdout: {exc.stdout[-_SHOWN:]!r}, stderr: {exc.stderr[-_SHOWN:]!r}"
        seen = f"exit code {result.exit_code}, stdout: {result.stdout[-_SHOWN:]!r}, stderr: {result.stderr[-_SHOWN:]!r}"
        return (result if wanted(result.exit_code) else None), seen

    return until_seen(what, attempt, timeout)
