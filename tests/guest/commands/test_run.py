"""One way to run a script: what it prints, what its exit code is, what is said when it takes too long."""

from __future__ import annotations

import pytest

from pytest_smolvm.errors import CommandTimedOut, OutputLimitExceeded, TimedOut, UsageError
from pytest_smolvm.guest.commands.run import carried_out, run
from pytest_smolvm.guest.commands.shells import NewPowerShell, Script, Sinks
from tests.guest.commands.transport import Printing


def test_streams_and_exit_code() -> None:
    result = run(Printing(("out", b"o"), ("err", b"e"), ("out", b"2"), code=4294967295), "x")

    assert ("o2", "e", 4294967295) == (result.stdout, result.stderr, result.exit_code)


def test_lines_come_while_it_runs() -> None:
    lines: list[str] = []
    guest = Printing(("out", b"one\r\nt"), ("err", b"bad\n"), ("out", "wo ü"[:4].encode()[:4]), ("out", b"\xbc\nend"))

    carried_out(NewPowerShell(guest), Script("x"), lines.append)

    assert ["one", "bad", "two ü", "end"] == lines


def test_more_output_than_allowed_ends_the_command() -> None:
    with pytest.raises(OutputLimitExceeded) as caught:
        carried_out(NewPowerShell(Printing(("out", b"x" * 60), ("err", b"y" * 60))), Script("x"), max_output=100)

    assert ("x" * 60, "y" * 40) == (caught.value.stdout, caught.value.stderr)


def test_a_time_out_carries_what_was_printed() -> None:
    guest = Printing(("out", b"so far"), ("err", b"oh"), error=TimedOut("the command", 3))

    with pytest.raises(CommandTimedOut) as caught:
        run(guest, "x", timeout=3)

    assert ("so far", "oh", 3) == (caught.value.stdout, caught.value.stderr, caught.value.seconds)


def test_cmd_takes_one_line_and_no_arguments() -> None:
    with pytest.raises(UsageError, match="one line"):
        run(Printing(), "a\nb", shell="cmd")
    with pytest.raises(UsageError, match="args="):
        run(Printing(), "a", shell="cmd", args=["b"])
    with pytest.raises(UsageError, match="not one of"):
        run(Printing(), "a", shell="bash")


def test_the_resident_is_asked_when_there_is_one() -> None:
    class Resident:
        def run(self, script: Script, sinks: Sinks) -> int:
            sinks.stdout(f"{script.text} {list(script.args)} {script.stdin!r} {script.timeout}".encode())
            return 5

    guest = Printing()

    result = run(guest, "x", resident=Resident(), args=[1], stdin=b"in", timeout=2)

    assert ("x [1] b'in' 2", 5, []) == (result.stdout, result.exit_code, guest.requests)
