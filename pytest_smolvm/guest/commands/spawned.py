"""Programs in a guest that outlive the call that started them."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable, Sequence
from pathlib import PureWindowsPath

from pytest_smolvm.errors import SmolVMError, TimedOut, UsageError
from pytest_smolvm.guest import names
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.commands.output import RunResult, unfinished
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline

RunScript = Callable[[str, Sequence[powershell.Argument]], RunResult]
"""Runs a script with arguments in the resident PowerShell."""

_FOLDER = r"AppData\Local\pytest-smolvm\spawned"
_KILL_SECONDS = stretched(30.0)
_UNKNOWN = "unknown"  # spawned.ps1's word
_SLICE = 0.5  # seconds that one look may keep a process of the resident busy
# Raw bytes, so that they are decoded here like any other output.
_READ = (
    "param($path) $file = [IO.File]::Open($path, 'Open', 'Read', 'ReadWrite');"
    " $file.CopyTo([Console]::OpenStandardOutput()); $file.Close()"
)


class Spawned:
    """A program that was started and left running.

    :param run: how to reach the guest.
    :param pid: its process id.
    :param job: the name of the job that it and its children are in.
    :param files: where its two streams go in the guest.
    """

    def __init__(self, run: RunScript, pid: int, job: str, files: tuple[str, str]) -> None:
        self._run = run
        self._job = job
        self._files = files
        self._exit_code: int | None = None
        self.pid = pid
        """Its process id in the guest."""

    def __repr__(self) -> str:
        return f"<Spawned pid={self.pid}>"

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._code(0) is None

    @property
    def stdout(self) -> str:
        """What it has written to its standard output until now."""
        return self._written(self._files[0])

    @property
    def stderr(self) -> str:
        """What it has written to its error output until now."""
        return self._written(self._files[1])

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code, unsigned 32-bit.

        :param timeout: seconds; it goes on running after them.
        :raises TimedOut: it has not ended by then.
        """
        deadline = Deadline(timeout)
        while (code := self._code(deadline.at_most(_SLICE))) is None:
            if deadline.passed:
                raise TimedOut(
                    f"the end of process {self.pid}", timeout or 0, f"it runs; its last output: {self.stdout[-500:]}"
                )
        return code

    def kill(self) -> None:
        """End it and all it has started. Its exit code is 1 then; one that has ended already is left alone.

        :raises TimedOut: it still runs.
        """
        deadline = Deadline(_KILL_SECONDS)
        while not self._asked(deadline.at_most(_SLICE), kill=True):
            if deadline.passed:
                raise TimedOut(f"the end of process {self.pid}", _KILL_SECONDS, "it was killed and runs")

    def _written(self, file: str) -> str:
        result = self._run(_READ, [file]).check()
        return (result if self._exit_code is not None else unfinished(result)).stdout

    def _code(self, seconds: float) -> int | None:
        if self._exit_code is None and self._asked(seconds) == _UNKNOWN:
            raise SmolVMError(f"process {self.pid} has ended and so has the PowerShell that knew its exit code")
        return self._exit_code

    def _asked(self, seconds: float, kill: bool = False) -> str:
        """Its exit code, which is remembered; that it has ended with one nobody knows; or nothing, if it runs."""
        script = _with_native(powershell.text_of("spawned"))
        answer = self._run(script, [self.pid, int(seconds * 1000), self._job, kill]).check().stdout.strip()
        if answer not in ("", _UNKNOWN):
            self._exit_code = int(answer)
        return answer


def spawn(
    run: RunScript, program: names.GuestPath | Sequence[names.GuestPath], *, directory: names.GuestPath = ""
) -> Spawned:
    """Start a program and leave it running.

    :param program: its words, or one command line as CreateProcess takes it; cmd.exe has no part in this.
    :param directory: where it is to run; empty means the user's home.
    :raises CommandFailed: there is no such program.
    """
    words = [program] if isinstance(program, PureWindowsPath) else program
    line = words if isinstance(words, str) else subprocess.list2cmdline(words)
    if not line.strip() or "\0" in line:
        raise UsageError(f"{program!r} is not a command line")
    home = run("[Console]::Write($env:USERPROFILE)", []).check().stdout
    name = secrets.token_hex(8)
    files = (rf"{home}\{_FOLDER}\{name}.out", rf"{home}\{_FOLDER}\{name}.err")
    where = names.absolute(directory) if directory else home
    result = run(_with_native(powershell.text_of("spawn")), [line, where, f"smolvm-{name}", *files]).check()
    return Spawned(run, int(result.stdout), f"smolvm-{name}", files)


def _with_native(script: str) -> str:
    """A script with our functions after its parameters, which have to come first."""
    before, mark, after = script.partition("$ErrorActionPreference = 'Stop'\n")
    return before + mark + powershell.text_of("native") + after
