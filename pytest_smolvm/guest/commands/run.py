"""Commands in a guest: what is sent, and what comes back."""

from __future__ import annotations

import io
import json
import shutil
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

from pytest_smolvm.errors import (
    CommandFailed,
    CommandTimedOut,
    OutputLimitExceeded,
    TimedOut,
    UsageError,
    ValueNotPrinted,
)
from pytest_smolvm.guest.commands import powershell

_CMD_LIMIT = 8191  # characters of a cmd.exe command line (Microsoft KB 830473)
_CMD_PREFIX = len(r'"c:\windows\system32\cmd.exe" /c ""')
# Win32-OpenSSH replaces the program of requests that begin like these (misc.c, build_exec_command).
_REWRITTEN = ("scp", "sftp-server", "internal-sftp")
_OEM_CODE_PAGE = "cp437"  # what programs that know no UTF-8 print on an en-US Windows
_SHORT = 200
_IN_MEMORY = 8 * 1024 * 1024  # bytes of a stream; more of it goes to a temporary file
_RECORD = "\x1e"  # before the JSON that json.ps1 prints

Sink = Callable[[bytes], object]


class Transport(Protocol):
    """What runs a command line in the guest; `ssh.Ssh` is one."""

    def execute(
        self, request: str, *, on_stdout: Sink, on_stderr: Sink, stdin: bytes = b"", timeout: float | None = None
    ) -> int:
        """Run to the end and return the exit code."""


class Shell(Protocol):
    """What runs a script in the guest; `resident.Resident` is one, `NewPowerShell` and `Cmd` are others."""

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
        """Run to the end and return the exit code, unsigned 32-bit.

        :raises TimedOut: the time-out came.
        """


class NewPowerShell:
    """A new powershell.exe for every script."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

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
        """See `Shell.run`."""
        request, head = powershell.command(script, args)
        return self._transport.execute(
            request, stdin=head + stdin, timeout=timeout, on_stdout=on_stdout, on_stderr=on_stderr
        )


class Cmd:
    """cmd.exe, for one command line at a time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

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
        """See `Shell.run`."""
        if args:
            raise UsageError(
                "shell='cmd' takes no args=: cmd.exe has no way to pass any text unchanged; use PowerShell"
            )
        return self._transport.execute(
            _line(script), stdin=stdin, timeout=timeout, on_stdout=on_stdout, on_stderr=on_stderr
        )


class Output:
    """What a command wrote to one stream; kept on disk when it is much."""

    def __init__(self) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self.size = 0
        """Bytes."""

    @classmethod
    def of(cls, text: str) -> Output:
        """One that consists of `text`."""
        output = cls()
        output.write(text.encode("utf-8", "surrogatepass"))
        return output

    def write(self, data: bytes) -> None:
        """Add `data`."""
        if self.size <= _IN_MEMORY < self.size + len(data):
            self._move_to_disk()
        self._file.write(data)
        self.size += len(data)

    @property
    def text(self) -> str:
        """All of it, as text."""
        self._file.seek(0)
        return text(self._file.read())

    def lines(self) -> Iterator[str]:
        """Line by line, without their ends."""
        self._file.seek(0)
        for line in self._file:
            yield text(line).rstrip("\r\n")

    def _move_to_disk(self) -> None:
        file = TemporaryFile()
        weakref.finalize(self, file.close)
        self._file.seek(0)
        shutil.copyfileobj(self._file, file)
        self._file = file


class RunResult:
    """What a command left behind.

    :param exit_code: unsigned 32-bit, as Windows has it: ``exit -1`` is 4294967295.
    :param duration: seconds.
    :param command: what was run, shortened.
    """

    def __init__(
        self, stdout: str | Output, stderr: str | Output, exit_code: int, duration: float, command: str
    ) -> None:
        self._stdout = Output.of(stdout) if isinstance(stdout, str) else stdout
        self._stderr = Output.of(stderr) if isinstance(stderr, str) else stderr
        self.exit_code = exit_code
        self.duration = duration
        self.command = command

    @property
    def stdout(self) -> str:
        """Its standard output."""
        return self._stdout.text

    @property
    def stderr(self) -> str:
        """Its error output."""
        return self._stderr.text

    def lines(self) -> Iterator[str]:
        """The lines of its standard output, one by one: for output that is too much to have in memory."""
        return self._stdout.lines()

    def __repr__(self) -> str:
        out, err = (
            repr(_shortened(stream.text)) if stream.size < _IN_MEMORY else f"<{stream.size} bytes>"
            for stream in (self._stdout, self._stderr)
        )
        return f"RunResult(stdout={out}, stderr={err}, exit_code={self.exit_code}, duration={self.duration:.3f}, command={self.command!r})"

    def check(self) -> RunResult:
        """Return self.

        :raises CommandFailed: the exit code is not 0.
        """
        if self.exit_code != 0:
            raise CommandFailed(self.command, self.exit_code, self.stdout, self.stderr)
        return self


def run(
    transport: Transport,
    script: str,
    *,
    shell: str = "powershell",
    resident: Shell | None = None,
    args: Sequence[powershell.Argument] = (),
    stdin: bytes = b"",
    timeout: float | None = None,
    on_output: Callable[[str], object] | None = None,
    max_output: int | None = None,
) -> RunResult:
    """Run `script`.

    :param shell: ``powershell``, or ``cmd`` for one cmd.exe command line.
    :param resident: what runs PowerShell; None means a new process.
    :param args: values for the script's parameters or ``$args``; they arrive as they are.
    :param timeout: seconds; then the command and its children are ended.
    :param on_output: called with every line of both streams, without its end, while the command runs.
    :param max_output: bytes of both streams together; more ends the command.
    :raises CommandTimedOut: with what was printed until then.
    :raises OutputLimitExceeded: likewise.
    :raises UsageError: the shell is unknown, or the line is none that cmd.exe takes.
    """
    if shell not in ("powershell", "cmd"):
        raise UsageError(f"shell={shell!r} is not one of powershell, cmd")
    engine: Shell = Cmd(transport) if shell == "cmd" else resident or NewPowerShell(transport)
    catch = _Catch(_shortened(script), on_output, max_output)
    started = time.monotonic()
    try:
        code = engine.run(
            script, args=args, stdin=stdin, timeout=timeout, on_stdout=catch.stdout, on_stderr=catch.stderr
        )
    except CommandTimedOut:
        raise
    except TimedOut as exc:
        raise CommandTimedOut(catch.command, timeout or 0, catch.out.text, catch.err.text) from exc
    catch.finish()
    return RunResult(catch.out, catch.err, code, time.monotonic() - started, catch.command)


class _Catch:
    """Takes the output of one command."""

    def __init__(self, command: str, on_output: Callable[[str], object] | None, limit: int | None) -> None:
        self.command = command
        self.out, self.err = Output(), Output()
        self._limit = limit
        self._lines = [_Lines(on_output), _Lines(on_output)] if on_output else []

    def stdout(self, data: bytes) -> None:
        self._take(self.out, data)
        for lines in self._lines[:1]:
            lines.feed(data)

    def stderr(self, data: bytes) -> None:
        self._take(self.err, data)
        for lines in self._lines[1:]:
            lines.feed(data)

    def finish(self) -> None:
        """Hand over last lines that had no end."""
        for lines in self._lines:
            lines.finish()

    def _take(self, output: Output, data: bytes) -> None:
        room = len(data) if self._limit is None else max(0, self._limit - self.out.size - self.err.size)
        output.write(data[:room])
        if room < len(data):
            raise OutputLimitExceeded(self.command, self._limit or 0, self.out.text, self.err.text)


class _Lines:
    """Cuts a stream into lines."""

    def __init__(self, on_line: Callable[[str], object]) -> None:
        self._on_line = on_line
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(text(line).rstrip("\r"))

    def finish(self) -> None:
        if self._rest:
            self._on_line(text(self._rest))


def run_json(
    run: Callable[[str, Sequence[powershell.Argument]], RunResult],
    script: str,
    args: Sequence[powershell.Argument] = (),
) -> Any:
    """What `script` puts out, as Python values.

    Nothing is None, one object is itself, several are a list: what ``$x = script`` would give, so a list of one item
    needs PowerShell's comma, ``,@(1)``. Hashtables and objects are dicts, dates are datetimes, time spans timedeltas,
    byte arrays bytes; what has no counterpart is text.

    :param run: runs a script with its arguments.
    :raises CommandFailed: the script ended with an error, or with an exit code other than 0.
    :raises ValueNotPrinted: the script ended itself, as with ``exit 0``, before its value was there.
    """
    result = run(powershell.text_of("json"), [script, *args])
    if result.exit_code != 0:
        raise CommandFailed(_shortened(script), result.exit_code, result.stdout, result.stderr)
    _, found, text = result.stdout.rpartition(_RECORD)
    if not found:
        raise ValueNotPrinted(_shortened(script), result.exit_code, result.stdout, result.stderr)
    return json.loads(text, object_hook=_revived)


def _revived(pairs: dict[str, Any]) -> Any:
    """json.ps1 writes what JSON lacks as an object with one name that begins with a NUL character."""
    if len(pairs) == 1:
        ((name, value),) = pairs.items()
        if name == "\0date":
            return datetime.fromisoformat(value)
        if name == "\0span":
            return timedelta(microseconds=int(value) / 10)
        if name == "\0bytes":
            return bytes.fromhex(value)
        if name == "\0float":
            return float(value)
    return pairs


def _shortened(script: str) -> str:
    return script if len(script) <= _SHORT else script[:_SHORT] + "..."


def text(raw: bytes) -> str:
    """Output as text: UTF-8 if it is that, else the code page of an English Windows' console. CLIXML becomes plain."""
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError:
        decoded = raw.decode(_OEM_CODE_PAGE)
    return powershell.plain(decoded.removeprefix("\ufeff"))


def _line(script: str) -> str:
    line = script.strip()
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
