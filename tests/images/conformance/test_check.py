"""The table that proves an image, run against a transport without a guest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_smolvm.errors import TimedOut
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.images.conformance import cases as conformance
from pytest_smolvm.images.conformance.check import Case, Outcome, cases, outcomes, runner, script_outcomes


class Answering:
    """A guest that gives one answer to everything."""

    def __init__(self, stdout: bytes, code: int = 0) -> None:
        self.stdout, self.code = stdout, code

    def execute(
        self,
        request: str,
        *,
        on_stdout: Callable[[bytes], object],
        on_stderr: Callable[[bytes], object],
        stdin: bytes = b"",
        timeout: float | None = None,
    ) -> int:
        if self.stdout == b"never":
            raise TimedOut("the command", timeout or 0)
        on_stdout(self.stdout)
        return self.code


def outcome(case: Case, guest: Answering) -> Outcome:
    return outcomes(guest, [case], Silent())[0]


def test_own_table_is_readable() -> None:
    """Every row has a name of its own."""
    names = [case.name for case in cases()]

    assert len(names) == len(set(names)) > 10


def test_same_answer() -> None:
    """Line ends and spaces at the end do not count."""
    assert outcome(Case(name="x", script="echo", shell="cmd", stdout="a\nb"), Answering(b"a \r\nb\r\n")).good


@pytest.mark.parametrize(
    ("case", "guest", "words"),
    [
        (Case(name="x", script="y", shell="cmd", stdout="a"), Answering(b"b"), "stdout 'b', expected 'a'"),
        (Case(name="x", script="y", shell="cmd", exit_code=3), Answering(b"", 4), "exit code 4, expected 3"),
        (Case(name="x", script="y", shell="cmd", pattern="a+$"), Answering(b"b"), "does not match"),
        (Case(name="x", script="y", shell="cmd"), Answering(b"never"), "not done within"),
    ],
)
def test_differences_are_told(case: Case, guest: Answering, words: str) -> None:
    """Each with what came back."""
    found = outcome(case, guest)

    assert not found.good
    assert words in found.difference


def test_scripts_of_the_table() -> None:
    """The table that the practice image is held to is put to this one, too."""
    text = next(case for case in conformance.cases() if case.name == "text")

    found: list[Outcome] = []
    for answer in (b"hello\r\n", b"bye\r\n", b"never"):
        with runner("fresh", Answering(answer)) as run:  # type: ignore[arg-type]
            found += script_outcomes(run, "fresh", Silent(), [text])
    same, other, never = found

    assert same.good and same.name == "script (fresh): text"
    assert "'bye" in other.difference
    assert "not done within" in never.difference
