"""What commands.run makes of what a guest sends."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest

from pytest_smolvm.errors import (
    CommandFailed,
    CommandTimedOut,
    OutputLimitExceeded,
    TimedOut,
    UsageError,
    ValueNotPrinted,
)
from pytest_smolvm.guest.commands import run as commands
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.commands.run import RunResult, Sink


class Guest:
    """Prints given pieces, whatever it is asked."""

    def __init__(self, *pieces: tuple[str, bytes], code: int = 0, error: Exception | None = None) -> None:
        self.pieces = pieces
        self.code = code
        self.error = error
        self.requests: list[str] = []

    def execute(
        self, request: str, *, on_stdout: Sink, on_stderr: Sink, stdin: bytes = b"", timeout: float | None = None
    ) -> int:
        self.requests.append(request)
        for stream, piece in self.pieces:
            (on_stdout if stream == "out" else on_stderr)(piece)
        if self.error is not None:
            raise self.error
        return self.code


def test_streams_and_exit_code() -> None:
    result = commands.run(Guest(("out", b"o"), ("err", b"e"), ("out", b"2"), code=4294967295), "x")

    assert ("o2", "e", 4294967295) == (result.stdout, result.stderr, result.exit_code)


@pytest.mark.parametrize(
    ("raw", "text"),
    [("ü€😀".encode(), "ü€😀"), (b"\xef\xbb\xbfx", "x"), (b"\x81\x84", "üä"), (b"a\x00b", "a\x00b")],
)
def test_output_of_any_code_page_is_text(raw: bytes, text: str) -> None:
    assert text == commands.run(Guest(("out", raw)), "x").stdout


def test_lines_come_while_it_runs() -> None:
    lines: list[str] = []

    commands.run(
        Guest(("out", b"one\r\nt"), ("err", b"bad\n"), ("out", "wo ü"[:4].encode()[:4]), ("out", b"\xbc\nend")),
        "x",
        on_output=lines.append,
    )

    assert ["one", "bad", "two ü", "end"] == lines


def test_more_output_than_allowed_ends_the_command() -> None:
    with pytest.raises(OutputLimitExceeded) as caught:
        commands.run(Guest(("out", b"x" * 60), ("err", b"y" * 60)), "x", max_output=100)

    assert ("x" * 60, "y" * 40) == (caught.value.stdout, caught.value.stderr)


def test_much_output_does_not_fill_the_memory() -> None:
    line = b"x" * 1023 + b"\n"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    result = commands.run(Guest(*[("out", line * 64)] * 1600), "x")
    count = sum(1 for _ in result.lines())

    assert 64 * 1600 == count
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024
    assert "bytes" in repr(result)


def test_a_time_out_carries_what_was_printed() -> None:
    guest = Guest(("out", b"so far"), ("err", b"oh"), error=TimedOut("the command", 3))

    with pytest.raises(CommandTimedOut) as caught:
        commands.run(guest, "x", timeout=3)

    assert ("so far", "oh", 3) == (caught.value.stdout, caught.value.stderr, caught.value.seconds)


def test_check() -> None:
    with pytest.raises(CommandFailed, match="exit code 3"):
        RunResult("", "", 3, 0.1, "x").check()

    result = RunResult("", "", 0, 0.1, "x")
    assert result is result.check()


def test_cmd_takes_one_line_and_no_arguments() -> None:
    with pytest.raises(UsageError, match="one line"):
        commands.run(Guest(), "a\nb", shell="cmd")
    with pytest.raises(UsageError, match="args="):
        commands.run(Guest(), "a", shell="cmd", args=["b"])
    with pytest.raises(UsageError, match="not one of"):
        commands.run(Guest(), "a", shell="bash")


def test_cmd_hides_names_that_sshd_would_replace() -> None:
    guest = Guest()

    commands.run(guest, "scp.bat x", shell="cmd")

    assert [" scp.bat x"] == guest.requests


def test_the_resident_is_asked_when_there_is_one() -> None:
    class Resident:
        def run(
            self,
            script: str,
            *,
            args: Sequence[Argument] = (),
            stdin: bytes = b"",
            timeout: float | None = None,
            on_stdout: Sink,
            on_stderr: Sink,
        ) -> int:
            on_stdout(f"{script} {list(args)} {stdin!r} {timeout}".encode())
            return 5

    guest = Guest()

    result = commands.run(guest, "x", resident=Resident(), args=[1], stdin=b"in", timeout=2)

    assert ("x [1] b'in' 2", 5, []) == (result.stdout, result.exit_code, guest.requests)


@pytest.mark.parametrize(
    ("json", "value"),
    [
        ("null", None),
        ("[1]", [1]),
        ('{"a":[{"b":null}]}', {"a": [{"b": None}]}),
        ('{"\\u0000date":"2024-01-02T03:04:05.600000+00:00"}', datetime(2024, 1, 2, 3, 4, 5, 600000, timezone.utc)),
        ('{"\\u0000date":"2024-01-02T03:04:05.000000"}', datetime(2024, 1, 2, 3, 4, 5)),
        ('{"\\u0000span":"12345670"}', timedelta(seconds=1.234567)),
        ('{"\\u0000bytes":"00FF"}', b"\0\xff"),
        ('{"\\u0000float":"-inf"}', float("-inf")),
    ],
)
def test_values_come_back_as_what_they_are(json: str, value: object) -> None:
    assert value == commands.run_json(lambda *_: RunResult("noise\x1e" + json, "", 0, 0.1, "x"), "script")


def test_a_script_that_leaves_before_its_value_is_there() -> None:
    with pytest.raises(ValueNotPrinted, match="before its value") as caught:
        commands.run_json(lambda *_: RunResult("noise", "warning", 0, 0.1, "x"), "exit 0")

    assert ("noise", "warning") == (caught.value.stdout, caught.value.stderr)
