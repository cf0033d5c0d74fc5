"""Waits for a command's end tell the last state they saw."""

from __future__ import annotations

import pytest

from pytest_smolvm.errors import CommandTimedOut, TimedOut
from pytest_smolvm.guest.commands.methods import until_exit
from pytest_smolvm.guest.commands.output import RunResult


def _result(code: int) -> RunResult:
    return RunResult(stdout="out", stderr="err", exit_code=code, duration=0, command="x")


def test_a_command_is_run_until_its_exit_code_is_right() -> None:
    codes = iter([1, 1, 0])

    assert 0 == until_exit("it", lambda _: _result(next(codes)), lambda code: code == 0, 5).exit_code


def test_a_command_that_never_succeeds_is_told_with_its_last_output() -> None:
    with pytest.raises(TimedOut, match=r"it: not within 0.1 s; last seen: exit code 3, stdout: 'out', stderr: 'err'"):
        until_exit("it", lambda _: _result(3), lambda code: code == 0, 0.1)


def test_a_command_that_does_not_end_is_told_as_such() -> None:
    def run(left: float) -> RunResult:
        raise CommandTimedOut("it", left, "half", "")

    with pytest.raises(TimedOut, match="did not end; stdout: 'half'"):
        until_exit("it", run, lambda code: code == 0, 0.05)
