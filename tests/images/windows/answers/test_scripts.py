"""The scripts that run inside, as setup.cmd runs them: what becomes of their steps and of their marks."""

from __future__ import annotations

import re

import pytest

from pytest_smolvm.images.windows.answers import answer_disc
from tests.images.windows.answers.conftest import Inside

STEPS = ". (Join-Path $PSScriptRoot 'steps.ps1')\r\n"


def test_a_script_that_is_not_there(inside: Inside) -> None:
    """PowerShell ends with -196608, and cmd.exe's "if errorlevel 1" is not true of that."""
    assert inside.stage("nowhere") == ["SMOLVM-FAILED:nowhere"]


def test_a_script_that_breaks(inside: Inside) -> None:
    """Told as well; one that does not is told by its own marks only."""
    assert inside.stage("breaks", "throw 'no'") == ["SMOLVM-FAILED:breaks"]
    assert inside.stage("works", STEPS + "Send-Mark 'PHASE:x'") == ["SMOLVM-PHASE:x"]


@pytest.mark.parametrize(
    ("work", "outcome"),
    [
        ("Invoke-Program cmd.exe @('/c', 'exit 3')", "failed: cmd.exe ended with 3:"),
        ("Invoke-Program cmd.exe @('/c', 'exit 3') @(0, 3)", "ok"),
        ("Invoke-Program cmd.exe @('/c', 'echo careful 1>&2')", "ok"),
        ("Start-Service -Name no-such-service", "failed: Cannot find any service"),
        ("Get-Item C:\\no-such-file -ErrorAction SilentlyContinue", "ok"),
        ("throw 'a & b | c > d %PATH% \"e\"'", "failed: a b c d PATH e"),
    ],
    ids=["program", "good code", "stderr", "cmdlet that goes on", "silenced", "signs of cmd.exe"],
)
def test_a_step_that_fails_stops_no_other(inside: Inside, work: str, outcome: str) -> None:
    """Each says what became of it."""
    marks = inside.stage("two", f"{STEPS}Invoke-Step 'first' {{ {work} }}\r\nInvoke-Step 'second' {{ }}\r\n")

    assert marks[0].startswith(f"SMOLVM-STEP:first:{outcome}")
    assert marks[1:] == ["SMOLVM-STEP:second:ok"]


def test_a_step_runs_one_program() -> None:
    """So that one that fails, such as powercfg where there is no hibernation, leaves nothing out."""
    for name, content in answer_disc.scripts():
        for step in re.split(r"^\s*Invoke-Step ", content.decode("utf-8-sig"), flags=re.MULTILINE)[1:]:
            body = step.partition("\n}")[0]
            assert body.count("Invoke-Program") <= 1, f"{name}: {body}"


def test_names_of_steps_differ() -> None:
    """What became of one would else hide what became of another."""
    names = [found for _, content in answer_disc.scripts() for found in re.findall(rb"Invoke-Step '([^']*)'", content)]

    assert len(names) == len(set(names)) > 15
