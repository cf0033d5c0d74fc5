"""What comes of parts, what is told of it, and the file that holds it. No guest is involved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_smolvm.errors import GuestUnreachable, StoreError
from pytest_smolvm.images.conformance.cases import Case, Expected, Verdict
from pytest_smolvm.trial.outcome import FAILED, OK, SKIPPED, Found, Outcome, attempted, found, of_case
from pytest_smolvm.trial.report import CONFORMANCE, FACTS, GUEST, Report


class Answer(NamedTuple):
    """What a guest may have said, if everything goes wrong."""

    stdout: str
    stderr: str
    exit_code: int


def breaking() -> Found:
    raise GuestUnreachable("the connection broke")


def missing() -> Found:
    raise FileNotFoundError("a file of this host")


@pytest.mark.parametrize(
    ("part", "verdict", "said"),
    [
        (lambda: found("3 files"), OK, "3 files"),
        (lambda: found("3 files", {"all came": True}), OK, "3 files"),
        (lambda: found("3 files", {"all came": True, "in order": False}), FAILED, "not so: in order; 3 files"),
        (lambda: Found(skipped="none there"), SKIPPED, "none there"),
        (breaking, FAILED, "GuestUnreachable: the connection broke"),
        (missing, FAILED, "FileNotFoundError: a file of this host"),
    ],
)
def test_a_part_that_fails_is_an_outcome(part: object, verdict: str, said: str) -> None:
    outcome = attempted(GUEST, "trees", part)  # type: ignore[arg-type]

    assert (verdict, said) == (outcome.verdict, outcome.said)
    assert outcome.good == (verdict != FAILED)


def test_a_mistake_of_ours_is_none() -> None:
    """It would be hidden among the faults of an image."""

    def part() -> Found:
        raise KeyError("x")

    with pytest.raises(KeyError):
        attempted(GUEST, "trees", part)


def test_a_case_is_kept_with_all_that_was_answered() -> None:
    """Half a surrogate pair is no obstacle to the file."""
    result = Answer("a\ud800", "", 3)
    verdict = Verdict(Case("name", "script", Expected()), "file", ["exit code 3 instead of 0"], result=result)

    outcome = of_case(CONFORMANCE, verdict)

    assert (FAILED, "name (file)") == (outcome.verdict, outcome.name)
    assert {"stdout": "a\\ud800", "stderr": "", "exit_code": 3} == outcome.data


def test_what_is_told(tmp_path: Path) -> None:
    """Facts first and as they are, what was left out of the table not at all, numbers at the end."""
    told: list[str] = []
    report = Report(told.append, {"image": "x"})
    report.add(Outcome(FACTS, "build", OK, "26100\n1742"))
    report.add(Outcome(FACTS, "Defender", FAILED, "CommandFailed: no"))
    report.add(Outcome(CONFORMANCE, "text (file)", OK, seconds=2))
    report.add(Outcome(CONFORMANCE, "other (file)", SKIPPED, "not in this guest"))
    report.add(Outcome(GUEST, "a junction", SKIPPED, "none can be made"))

    before = report.good
    report.add(Outcome(GUEST, "trees", FAILED, "not so: all came\nmore"))
    assert [True, False] == [before, report.good]
    assert ["Defender", "trees"] == report.failed()
    report.close()

    assert [
        "Facts",
        "  build                      26100 1742",
        "  Defender                   not known: CommandFailed: no",
        "\nConformance",
        "  ok          2.0 s  text (file)",
        "\nThe guest object",
        "  skipped     0.0 s  a junction: none can be made",
        "  FAILED      0.0 s  trees: not so: all came",
        "",
        "Conformance: 1 ok, 1 skipped",
        "The guest object: 1 FAILED, 1 skipped",
    ] == told


def test_the_file(tmp_path: Path) -> None:
    report = Report(lambda _: None, {"image": "x"})
    report.add(Outcome(GUEST, "trees", FAILED, "why", 1.23456, {"left": ["a"]}))

    report.write(tmp_path / "report.json")

    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {"image", "version", "outcomes"} == set(written)
    assert [
        {
            "section": "The guest object",
            "name": "trees",
            "verdict": "FAILED",
            "said": "why",
            "seconds": 1.235,
            "data": {"left": ["a"]},
        }
    ] == written["outcomes"]


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/report\.json cannot be written: No such file"):
        Report(print, {}).write(tmp_path / "nowhere" / "report.json")
