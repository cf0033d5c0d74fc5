"""The conformance table is sound, and its runner notices what is wrong."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import pytest

from pytest_smolvm.errors import GuestUnreachable, TransferError
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.images.conformance import cases
from pytest_smolvm.images.conformance.cases import Case, Expected, Verdict

TABLE = cases.table()


def result(stdout: str = "", stderr: str = "", exit_code: int = 0) -> RunResult:
    return RunResult(stdout, stderr, exit_code, 0.1, "script")


def test_the_table_is_large_and_names_are_unique() -> None:
    names = [case.name for case in TABLE]

    assert len(names) >= 250
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", [case for case in TABLE if case.differs], ids=lambda case: str(case.name))
def test_every_difference_says_why_and_is_one(case: Case) -> None:
    assert set(case.differs) <= set(cases.ENGINES)
    for engine, other in case.differs.items():
        assert len(other["why"]) > 20
        assert case.by(engine) != case.expected


def test_patterns_are_regular_expressions() -> None:
    for case in TABLE:
        for pattern in (case.expected.stdout_pattern, case.expected.stderr_pattern):
            if pattern is not None:
                re.compile(pattern)


def test_a_right_result_passes() -> None:
    assert [] == Expected(stdout="a\nb\n", exit_code=3).complaints(result("a\r\nb\r\n", "", 3))


@pytest.mark.parametrize(
    ("expected", "got", "complaint"),
    [
        (Expected(), result(exit_code=1), "exit code 1 instead of 0"),
        (Expected(stdout="a\n"), result("a"), "stdout 'a' instead of 'a\\n'"),
        (Expected(), result(stderr="e"), "stderr 'e' instead of ''"),
        (Expected(stderr_pattern="^bad"), result(stderr="good"), "stderr 'good' has no '^bad'"),
        (Expected(stdout_lines=2), result("a\n"), "1 lines of stdout instead of 2"),
        (Expected(stdout_size=3), result("ab"), "2 characters of stdout instead of 3"),
        (Expected(stdout="a b", layout="loose"), result("a  b"), "stdout 'a  b' instead of 'a b'"),
    ],
)
def test_a_wrong_result_is_told(expected: Expected, got: RunResult, complaint: str) -> None:
    assert [complaint] == expected.complaints(got)


def test_a_loose_layout_ignores_blank_lines_and_trailing_spaces() -> None:
    assert [] == Expected(stdout="\n a  b \n\n", layout="loose").complaints(result(" a  b\r\n"))


def test_the_runner_gets_script_arguments_and_input() -> None:
    seen: list[tuple[str, Sequence[Argument], bytes]] = []

    def run(script: str, args: Sequence[Argument], stdin: bytes) -> RunResult:
        seen.append((script, args, stdin))
        return result("out\n")

    case = Case("name", "script", Expected(stdout="out\n"), args=("a", 1), input="ü")

    (verdict,) = cases.run(run, "resident", [case])

    assert verdict.good
    assert not verdict.skipped
    assert [("script", ("a", 1), "ü".encode())] == seen


def test_what_a_guest_lacks_is_skipped() -> None:
    case = Case("name", "script", Expected(), needs="Get-Command nothing")

    (verdict,) = cases.run(lambda *_: result("False\r\n"), "resident", [case])

    assert verdict.skipped == "not in this guest: Get-Command nothing"


def test_a_difference_of_an_engine_is_taken_into_account() -> None:
    case = Case("name", "script", Expected(exit_code=3), differs={"file": {"exit_code": 0, "why": "because"}})

    verdicts = [next(cases.run(lambda *_: result(), engine, [case])).good for engine in ("resident", "file")]

    assert [False, True] == verdicts


def test_a_case_is_about_scripts_or_about_the_image() -> None:
    """The first are put to every engine, the others once, in a way there is."""
    about_scripts, about_image = cases.cases(), cases.image_cases()

    assert len(about_image) > 10
    assert [*about_scripts, *about_image] == list(TABLE)
    assert {case.once for case in about_image} == {cases.CMD, "fresh"}
    assert not any(case.args or case.input or case.differs for case in about_image)


def test_a_verdict_is_one_line() -> None:
    case = Case("name", "script", Expected())

    assert [
        "ok          2.0 s  name (file)",
        "DIFFERS     0.0 s  name (file): this; that",
        "skipped     0.0 s  name (file): because",
    ] == [
        str(Verdict(case, "file", seconds=2)),
        str(Verdict(case, "file", ("this", "that"))),
        str(Verdict(case, "file", skipped="because")),
    ]
    assert str(Verdict(Case("name", "", Expected(), once="cmd"), "cmd")).endswith("  name")


def test_expectations_are_data_only() -> None:
    assert dataclasses.is_dataclass(Expected)
    assert all(
        case.by(engine) is None or isinstance(case.by(engine), Expected) for case in TABLE for engine in cases.ENGINES
    )


def test_what_windows_says_in_its_language_is_not_judged_in_another() -> None:
    """Nor how its user writes numbers, nor what a code page lacks that is not the one of the table."""
    by_name = {case.name: case for case in TABLE}

    for name in (
        "a warning goes to stdout",
        "verbose when asked for",
        "a statement that fails does not end the script",
    ):
        assert [cases.CONDITIONS["English"]] == list(by_name[name].conditions("resident"))
    assert [cases.CONDITIONS["a decimal point"]] == list(by_name["floating point"].conditions("fresh"))
    assert [] == list(by_name["Latin"].conditions("resident"))
    (code_page,) = by_name["Latin"].conditions("file")
    assert "OEMCP -eq '437'" in code_page
    assert [code_page] == list(by_name["euro sign"].conditions("file"))


def test_every_condition_with_a_name_is_used() -> None:
    assert set(cases.CONDITIONS) <= {case.needs for case in TABLE}


def test_an_error_of_one_case_is_a_complaint_and_a_guest_that_is_gone_is_the_end() -> None:
    table = [Case("first", "x", Expected()), Case("second", "x", Expected())]

    def refusing(*_: object) -> RunResult:
        raise TransferError("no room")

    def gone(*_: object) -> RunResult:
        raise GuestUnreachable("the connection broke")

    assert [["TransferError: no room"]] * 2 == [
        list(verdict.complaints) for verdict in cases.run(refusing, "file", table)
    ]
    with pytest.raises(GuestUnreachable):
        list(cases.run(gone, "file", table))
