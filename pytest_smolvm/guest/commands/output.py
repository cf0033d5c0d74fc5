"""What a command leaves behind: its output, as text and line by line, and its exit code."""

from __future__ import annotations

import io
import shutil
import weakref
from collections.abc import Callable, Iterator
from tempfile import TemporaryFile
from typing import IO

from pytest_smolvm.errors import CommandFailed, OutputLimitExceeded
from pytest_smolvm.guest.commands import clixml, decoding
from pytest_smolvm.guest.commands.shells import Sinks
from pytest_smolvm.guest.names import ENGLISH_CODE_PAGE

_SHORT = 200
_IN_MEMORY = 8 * 1024 * 1024  # bytes of a stream; more of it goes to a temporary file
_PIECE = 1 << 20

OnLine = Callable[[str], object]
"""Called with a line of output, without its end."""


class Output:
    """What a command wrote to one stream; kept on disk when it is much.

    :param code_page: what programs print that know no UTF-8.
    """

    def __init__(self, code_page: str = ENGLISH_CODE_PAGE) -> None:
        self._code_page = code_page
        self._file: IO[bytes] = io.BytesIO()
        self.size = 0
        """Bytes."""
        self.cut = False
        """Whether it was taken while more was to come, so that it may end in the middle of a character."""

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
        return text(self._file.read(), cut=self.cut, code_page=self._code_page)

    def lines(self) -> Iterator[str]:
        """Line by line, without their ends."""
        self._file.seek(0)
        lines: list[str] = []
        splitter = LineSplitter(lines.append, self._code_page)
        while piece := self._file.read(_PIECE):
            splitter.feed(piece)
            yield from lines
            lines.clear()
        splitter.finish(cut=self.cut)
        yield from lines

    def ends(self, limit: int) -> str:
        """Its text, or what is at its beginning and at its end if it has more than `limit` bytes."""
        if self.size <= limit:
            return self.text
        half = limit // 2
        self._file.seek(0)
        first = self._file.read(half)
        self._file.seek(self.size - half)
        last = self._file.read(half)
        left_out = f"\n... {self.size - 2 * half} bytes are left out ...\n"
        return text(first, cut=True) + left_out + text(last, cut=self.cut)

    def _move_to_disk(self) -> None:
        file = TemporaryFile()  # noqa: SIM115  # closed with this object
        weakref.finalize(self, file.close)
        self._file.seek(0)
        shutil.copyfileobj(self._file, file)
        self._file = file


class RunResult:
    """What a command left behind.

    :param stdout: what it wrote to its standard output.
    :param stderr: likewise, to its error output.
    """

    def __init__(
        self, stdout: str | Output, stderr: str | Output, exit_code: int, duration: float, command: str
    ) -> None:
        self._stdout = Output.of(stdout) if isinstance(stdout, str) else stdout
        self._stderr = Output.of(stderr) if isinstance(stderr, str) else stderr
        self.exit_code = exit_code
        """Unsigned 32-bit, as Windows has it: ``exit -1`` is 4294967295."""
        self.duration = duration
        """Seconds."""
        self.command = command
        """What was run, shortened."""

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
            repr(shortened(stream.text)) if stream.size < _IN_MEMORY else f"<{stream.size} bytes>"
            for stream in (self._stdout, self._stderr)
        )
        rest = f"exit_code={self.exit_code}, duration={self.duration:.3f}, command={self.command!r}"
        return f"RunResult(stdout={out}, stderr={err}, {rest})"

    def check(self) -> RunResult:
        """Return self.

        :raises CommandFailed: the exit code is not 0.
        """
        if self.exit_code != 0:
            raise CommandFailed(self.command, self.exit_code, self.stdout, self.stderr)
        return self


class Catch:
    """Takes the output of one command.

    :param command: what is run, shortened.
    :param on_output: called with every line of both streams while it runs.
    :param limit: bytes of both streams together; more raises OutputLimitExceeded.
    :param code_page: what programs print that know no UTF-8.
    """

    def __init__(
        self, command: str, on_output: OnLine | None, limit: int | None, code_page: str = ENGLISH_CODE_PAGE
    ) -> None:
        self.command = command
        self.stdout, self.stderr = Output(code_page), Output(code_page)
        self._limit = limit
        self._splitters = None
        if on_output:
            self._splitters = LineSplitter(on_output, code_page), LineSplitter(on_output, code_page)

    @property
    def sinks(self) -> Sinks:
        """Where the command's streams are to go."""
        return Sinks(self._on_stdout, self._on_stderr)

    def cut(self) -> None:
        """The command is ended while it writes."""
        self.stdout.cut = self.stderr.cut = True

    def finish(self) -> None:
        """Hand over last lines that had no end."""
        for splitter in self._splitters or ():
            splitter.finish()

    def _on_stdout(self, data: bytes) -> None:
        self._take(self.stdout, data)
        if self._splitters:
            self._splitters[0].feed(data)

    def _on_stderr(self, data: bytes) -> None:
        self._take(self.stderr, data)
        if self._splitters:
            self._splitters[1].feed(data)

    def _take(self, output: Output, data: bytes) -> None:
        room = len(data) if self._limit is None else max(0, self._limit - self.stdout.size - self.stderr.size)
        output.write(data[:room])
        if room < len(data):
            self.cut()
            raise OutputLimitExceeded(self.command, self._limit or 0, self.stdout.text, self.stderr.text)


class LineSplitter:
    """Cuts a stream into the lines that its text will have.

    :param code_page: what programs print that know no UTF-8.
    """

    def __init__(self, on_line: OnLine, code_page: str = ENGLISH_CODE_PAGE) -> None:
        self._on_line = on_line
        self._decoder = decoding.Decoder(code_page)
        self._plain = clixml.Plain()
        self._rest = ""

    def feed(self, data: bytes) -> None:
        """Take the stream's next piece."""
        for line in self._decoder.feed(data):
            self._tell(self._plain.feed(line))

    def finish(self, *, cut: bool = False) -> None:
        """The stream has ended: its last line needs no end.

        :param cut: it may end in the middle of a character.
        """
        for line in self._decoder.finish(cut=cut):
            self._tell(self._plain.feed(line))
        self._tell(self._plain.finish())
        if self._rest:
            self._on_line(self._rest.rstrip("\r"))

    def _tell(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._on_line(line.rstrip("\r"))


def unfinished(result: RunResult) -> RunResult:
    """Note that what a command printed is the beginning of something, and may end in the middle of a character."""
    result._stdout.cut = result._stderr.cut = True
    return result


def ends(result: RunResult, limit: int) -> tuple[str, str]:
    """Both streams; of one that has more than `limit` bytes, the beginning and the end."""
    return result._stdout.ends(limit), result._stderr.ends(limit)


def shortened(script: str) -> str:
    """A script for an error or a log: its beginning."""
    return script if len(script) <= _SHORT else script[:_SHORT] + "..."


def text(raw: bytes, *, cut: bool = False, code_page: str = ENGLISH_CODE_PAGE) -> str:
    """Output as text, CLIXML in it as what a person would have seen.

    :param cut: it may end in the middle of a character.
    :param code_page: what programs print that know no UTF-8.
    """
    return clixml.plain(decoding.text(raw, cut=cut, code_page=code_page))
