"""The table put to a connection without a guest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_smolvm.errors import TimedOut
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.images.conformance.cases import CMD, Case, Expected, Verdict, table
from pytest_smolvm.images.conformance.check import put


class Answering:
    """A guest that gives one answer to everything."""

    code_page = "cp437"

    def __init__(self, stdout: bytes, code: int = 0) -> None:
        self.stdout, self.code = stdout, code
        self.requests: list[str] = []

    def execute(
        self,
        request: str,
        *,
        on_stdout: Callable[[bytes], object],
        on_stderr: Callable[[bytes], object],
        stdin: bytes = b"",
        timeout: float | None = None,
    ) -> int:
        self.requests.append(request)
        if self.stdout == b"never":
            raise TimedOut("the command", timeout or 0)
        on_stdout(self.stdout)
        return self.code


def verdict(case: Case, guest: Answering, engine: str = CMD) -> Verdict:
    connection: Ssh = guest  # type: ignore[assignment]
    (only,) = put(connection, engine, [case])
    return only


def test_same_answer() -> None:
    """Line ends and spaces at the end do not count in a loose layout."""
    case = Case("x", "echo", Expected("a\nb", layout="loose"), once=CMD)

    assert verdict(case, Answering(b"a \r\nb\r\n")).good


@pytest.mark.parametrize(
    ("expected", "guest", "words"),
    [
        (Expected("a"), Answering(b"b"), "stdout 'b' instead of 'a'"),
        (Expected(exit_code=3), Answering(b"", 4), "exit code 4 instead of 3"),
        (Expected(stdout_pattern="a+$"), Answering(b"b"), "has no 'a+$'"),
        (Expected(), Answering(b"never"), "not done within 120 s"),
    ],
)
def test_differences_are_told(expected: Expected, guest: Answering, words: str) -> None:
    """Each with what came back."""
    found = verdict(Case("x", "y", expected, once=CMD), guest)

    assert not found.good
    assert words in str(found)


def test_a_line_of_cmd_goes_as_it_is_and_a_script_goes_to_powershell() -> None:
    guest = Answering(b"hello\r\n")

    for engine in (CMD, "fresh"):
        verdict(Case("x", "echo hello", Expected()), guest, engine)

    line, script = guest.requests
    assert "echo hello" in line
    assert "powershell.exe" in script


def test_scripts_of_the_table() -> None:
    """What the practice image is held to is put to others, too."""
    text = next(case for case in table() if case.name == "text")

    same, other, never = (verdict(text, Answering(answer), "fresh") for answer in (b"hello\r\n", b"bye\r\n", b"never"))

    assert same.good
    assert "text (fresh)" in str(same)
    assert "'bye" in str(other)
    assert "not done within" in str(never)
