"""Commands in a guest: what is sent, and what comes back."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pytest_smolvm import powershell
from pytest_smolvm.errors import CommandFailed, CommandTimedOut, TimedOut, UsageError

_CMD_LIMIT = 8191  # characters of a cmd.exe command line (Microsoft KB 830473)
_CMD_PREFIX = len(r'"c:\windows\system32\cmd.exe" /c ""')
# Win32-OpenSSH replaces the program of requests that begin like these (misc.c, build_exec_command).
_REWRITTEN = ("scp", "sftp-server", "internal-sftp")
_OEM_CODE_PAGE = "cp437"  # what programs that know no UTF-8 print on an en-US Windows
_SHORT = 200


class Transport(Protocol):
    """What runs a command line in the guest; `ssh.Ssh` is one."""

    def execute(
        self,
        request: str,
        *,
        on_stdout: Callable[[bytes], object],
        on_stderr: Callable[[bytes], object],
        stdin: bytes = b"",
        timeout: float | None = None,
    ) -> int:
        """Run to the end and return the exit code."""


@dataclass(frozen=True)
class RunResult:
    """What a command left behind."""

    stdout: str
    stderr: str
    exit_code: int
    """Unsigned 32-bit, as Windows has it: ``exit -1`` is 4294967295."""
    duration: float
    """Seconds."""
    command: str
    """What was run, shortened."""

    def check(self) -> RunResult:
        """Return self.

        :raises CommandFailed: the exit code is not 0.
        """
        if self.exit_code != 0:
            raise CommandFailed(self.command, self.exit_code, self.stdout, self.stderr)
        return self


def run(transport: Transport, script: str, *, shell: str = "powershell", timeout: float | None = None, stdin: bytes = b"") -> RunResult:
    """Run `script` in a new process.

    :param shell: ``powershell``, or ``cmd`` for one cmd.exe command line.
    :param timeout: seconds; then the process and its children are ended.
    :raises CommandTimedOut: with what was printed until then.
    :raises UsageError: the shell is unknown, or the line is none that cmd.exe takes.
    """
    request, head = _request(script, shell)
    stdout, stderr = io.BytesIO(), io.BytesIO()
    started = time.monotonic()
    short = script if len(script) <= _SHORT else script[:_SHORT] + "..."
    try:
        code = transport.execute(request, on_stdout=stdout.write, on_stderr=stderr.write, stdin=head + stdin, timeout=timeout)
    except TimedOut as exc:
        raise CommandTimedOut(short, timeout or 0, text(stdout.getvalue()), text(stderr.getvalue())) from exc
    return RunResult(text(stdout.getvalue()), text(stderr.getvalue()), code, time.monotonic() - started, short)


def text(raw: bytes) -> str:
    """Output as text: UTF-8 if it is that, else the code page of an English Windows' console. CLIXML becomes plain."""
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError:
        decoded = raw.decode(_OEM_CODE_PAGE)
    return powershell.plain(decoded.removeprefix("\ufeff"))


def _request(script: str, shell: str) -> tuple[str, bytes]:
    if shell == "powershell":
        return powershell.command(script)
    if shell != "cmd":
        raise UsageError(f"shell={shell!r} is not one of powershell, cmd")
    line = script.strip()
    if "\n" in line or "\r" in line or "\0" in line:
        raise UsageError("a cmd.exe command is one line; join commands with & or upload a .cmd file")
    if not line:
        raise UsageError("an empty command line")
    if len(line) + _CMD_PREFIX > _CMD_LIMIT:
        raise UsageError(f"a cmd.exe command line takes at most {_CMD_LIMIT - _CMD_PREFIX} characters, this one has {len(line)}")
    # A space in front is nothing to cmd.exe and keeps sshd from mistaking the request for one of its own.
    return (" " + line if line.lower().startswith(_REWRITTEN) else line), b""
