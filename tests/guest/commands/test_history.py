"""What is noted of what was run."""

from __future__ import annotations

import pytest

from pytest_smolvm.errors import CommandTimedOut, GuestDied
from pytest_smolvm.guest.commands.history import History
from pytest_smolvm.guest.commands.output import Output, RunResult


def result(stdout: str = "", stderr: str = "", code: int = 0) -> RunResult:
    return RunResult(stdout, stderr, code, 0.1, "it")


def test_a_run_is_told_with_its_output() -> None:
    history = History()

    history.of("Get-Thing", "powershell", lambda: result("one\ntwo\n", "oops\n", 3))

    (run,) = history
    assert ("Get-Thing", "exit code 3", "one\ntwo\n", "oops\n") == (run.command, run.ending, run.stdout, run.stderr)
    assert str(history).endswith("powershell  exit code 3\n> Get-Thing\n  one\n  two\n! oops\n")


def test_an_error_is_passed_on_and_told_with_what_was_printed_until_then() -> None:
    history = History()

    def late() -> RunResult:
        raise CommandTimedOut("sleep", 3.0, "begun", "")

    def dead() -> RunResult:
        raise GuestDied("QEMU ended", "a log\nof many lines")

    with pytest.raises(CommandTimedOut):
        history.of("sleep 9", "cmd", late)
    with pytest.raises(GuestDied):
        history.of("dir", "cmd", dead)

    first, second = history
    assert ("CommandTimedOut: sleep: not within 3 s, ended", "begun") == (first.ending, first.stdout)
    assert "GuestDied: QEMU ended" == second.ending


def test_much_output_is_told_by_its_ends() -> None:
    """Of a gigabyte nobody reads the middle."""
    output = Output()
    output.write(b"first\n")
    for _ in range(16):
        output.write(b"x" * (1 << 20))
    output.write(b"\nlast\n")
    history = History()

    history.of("type big", "cmd", lambda: RunResult(output, "", 0, 0.1, "type big"))

    (run,) = history
    assert len(run.stdout) < 20000
    assert run.stdout.startswith("first\nxxx")
    assert run.stdout.endswith("xxx\nlast\n")
    assert f"... {output.size - 16384} bytes are left out ..." in run.stdout


def test_the_last_runs_are_kept() -> None:
    history = History()
    for number in range(203):
        history.of(f"run {number}", "cmd", result)

    assert [f"run {number}" for number in range(3, 203)] == [run.command for run in history]
    assert str(history).startswith("(3 earlier ones are left out)\n\n")
