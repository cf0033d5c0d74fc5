"""What runs a script in a guest: the way in, and the shells that need nothing but a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.link.channels import Sink

_CMD_LIMIT = 8191  # characters of a cmd.exe command line (Microsoft KB 830473)
_CMD_PREFIX = len(r'"c:\windows\system32\cmd.exe" /c ""')
# Win32-OpenSSH replaces the program of requests that begin like these (misc.c, build_exec_command).
_REWRITTEN = ("scp", "sftp-server", "internal-sftp")


@dataclass(frozen=True)
class Script:
    """What is to be run, and with what."""

    text: str
    args: Sequence[Argument] = ()
    """Values for its parameters or ``$args``; they arrive as they are."""
    stdin: bytes = b""
    """For its standard input, which is closed after them."""
    timeout: float | None = None
    """Seconds, then it is ended with its children; None: never."""


@dataclass(frozen=True)
class Sinks:
    """Where its output goes while it runs."""

    stdout: Sink
    stderr: Sink


class Transport(Protocol):
    """What runs a command line in the guest; `link.ssh.Ssh` is one."""

    code_page: str
    """What the guest's programs print that know no UTF-8, by Python's name."""

    def execute(
        self, request: str, *, on_stdout: Sink, on_stderr: Sink, stdin: bytes = b"", timeout: float | None = None
    ) -> int:
        """Run to the end and return the exit code."""


class Shell(Protocol):
    """What runs a script in the guest; `resident.Resident` is one, `NewPowerShell` and `Cmd` are others."""

    def run(self, script: Script, sinks: Sinks) -> int:
        """Run to the end and return the exit code, unsigned 32-bit.

        :raises TimedOut: the time-out came.
        """


class NewPowerShell:
    """A new powershell.exe for every script."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def run(self, script: Script, sinks: Sinks) -> int:
        """See `Shell.run`."""
        request, head = powershell.command(script.text, script.args)
        return _executed(self._transport, request, script, sinks, head)


class Cmd:
    """cmd.exe, for one command line at a time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def run(self, script: Script, sinks: Sinks) -> int:
        """See `Shell.run`.

        :raises UsageError: it has arguments, or is not a line that cmd.exe takes.
        """
        if script.args:
            raise UsageError(
                "shell='cmd' takes no args=: cmd.exe has no way to pass any text unchanged; use PowerShell"
            )
        return _executed(self._transport, _line(script.text), script, sinks)


def _executed(transport: Transport, request: str, script: Script, sinks: Sinks, head: bytes = b"") -> int:
    return transport.execute(
        request, stdin=head + script.stdin, timeout=script.timeout, on_stdout=sinks.stdout, on_stderr=sinks.stderr
    )


def _line(script: str) -> str:
    line = powershell.unmarked(script).strip()
    if "\n" in line or "\r" in line or "\0" in line:
        raise UsageError("a cmd.exe command is one line; join commands with & or upload a .cmd file")
    if not line:
        raise UsageError("an empty command line")
    if len(line) + _CMD_PREFIX > _CMD_LIMIT:
        raise UsageError(
            f"a cmd.exe command line takes at most {_CMD_LIMIT - _CMD_PREFIX} characters, this one has {len(line)}"
        )
    # A space in front is nothing to cmd.exe and keeps sshd from mistaking the request for one of its own.
    return " " + line if line.lower().startswith(_REWRITTEN) else line
