"""The scripts that run inside, as setup.cmd runs them: with the practice guest's cmd.exe and PowerShell, on this host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.files import file
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice.build import practice_image
from pytest_smolvm.images.windows.answers import answer_disc
from tests.userland import possible, userland

SETUP = r"C:\ProgramData\smolvm\setup"
MARKS = rf"{SETUP}\marks.txt"
STEPS = ". (Join-Path $PSScriptRoot 'steps.ps1')\r\n"


@dataclass
class Inside:
    """Where the scripts run. There is no serial port: what they say goes to a file.

    :param connection: a login.
    """

    connection: Ssh

    def stage(self, name: str, script: str | None = None) -> list[str]:
        """Run a stage, made of `script` if one is given, and return what it said."""
        file.write(self.connection.sftp, MARKS, b"")
        if script is not None:
            file.write(self.connection.sftp, rf"{SETUP}\{name}.ps1", script.encode("utf-8-sig"))
        run.run(self.connection, rf'"{SETUP}\setup.cmd" {name}', shell="cmd", timeout=120).check()
        return [line.strip() for line in file.read(self.connection.sftp, MARKS).decode().splitlines()]


@pytest.fixture(name="inside", scope="module")
def _inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    if reason := possible():
        pytest.skip(reason)
    store = Store.default()
    practice_image(store, Silent())  # leaves its parts, which are used here
    with userland(store.work, tmp_path_factory.mktemp("userland")) as connection:
        for name, content in answer_disc.scripts():
            file.write(connection.sftp, rf"{SETUP}\{name}", content.replace(rb">\\.\COM1", b">>" + MARKS.encode()))
        file.write(connection.sftp, rf"{SETUP}\settings.json", b'{"user": "smolvm"}')
        yield Inside(connection)


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
