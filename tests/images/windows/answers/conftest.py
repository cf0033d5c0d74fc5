"""The scripts of the answer disc, as setup.cmd runs them: with the practice guest's cmd.exe and PowerShell, on this host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.files import file
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.images.windows.answers import answer_disc
from tests.userland import practice_userland

SETUP = r"C:\ProgramData\smolvm\setup"
MARKS = rf"{SETUP}\marks.txt"
PLAYED = rf"{SETUP}\played.txt"
SETTINGS = {
    "user": "smolvm",
    "ui_language": "en-US",
    "desktop": False,
    "uac": "default",
    "relax_password_policy": False,
}
# A command that is noted, with its words, and then does as it is told.
_PLAYER = (
    "function {name} {{ Add-Content -LiteralPath '" + PLAYED + "' -Value (@('{name}') + $args -join ' '); {body} }}"
)


_BETWEEN = "======"


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
        run.run(self.connection, rf'"{SETUP}\setup.cmd" {name}', shell="cmd", timeout=240).check()
        return [line.strip() for line in file.read(self.connection.sftp, MARKS).decode().splitlines()]

    def play(self, name: str, commands: Mapping[str, str], before: str = "", **settings: object) -> Played:
        """Run a stage of ours with other commands in place of Windows' own.

        :param commands: what each does, in PowerShell; each is noted with its words.
        :param before: runs first.
        :param settings: differences from `SETTINGS`.
        """
        file.write(self.connection.sftp, rf"{SETUP}\settings.json", json.dumps({**SETTINGS, **settings}).encode())
        file.write(self.connection.sftp, PLAYED, b"")
        players = [_PLAYER.format(name=command, body=body) for command, body in commands.items()]
        stage = f". (Join-Path $PSScriptRoot '{name}.ps1')"
        marks = self.stage("played", "\r\n".join([*players, before, stage]))
        noted = file.read(self.connection.sftp, PLAYED).decode("utf-8-sig").splitlines()
        return Played([line.strip() for line in noted], dict(_outcomes(marks)))

    def values(self, *places: tuple[str, str]) -> dict[tuple[str, str], str | None]:
        """Values of the registry by key and name, as reg.exe shows them, None where there is none; asked at one go."""
        line = f" & echo {_BETWEEN} & ".join(f'reg.exe query "{key}" /v "{name}" 2>nul' for key, name in places)
        shown = run.run(self.connection, line, shell="cmd", timeout=120).stdout.split(_BETWEEN)
        # What reg.exe says of a value that is not there is no table with its kind.
        return {place: text.split()[-1] if "REG_" in text else None for place, text in zip(places, shown, strict=True)}

    def value(self, key: str, name: str) -> str | None:
        """One of them."""
        return self.values((key, name))[key, name]


@dataclass(frozen=True)
class Played:
    """What a stage did."""

    commands: list[str]
    """The commands it gave, of those that were replaced."""
    steps: dict[str, str]
    """Its steps, and what became of them."""

    @property
    def failed(self) -> dict[str, str]:
        """The steps that were not done."""
        return {name: outcome for name, outcome in self.steps.items() if outcome != "ok"}


def _outcomes(marks: list[str]) -> Iterator[tuple[str, str]]:
    for mark in marks:
        if mark.startswith("SMOLVM-STEP:"):
            name, _, outcome = mark.removeprefix("SMOLVM-STEP:").partition(":")
            yield name, outcome


@pytest.fixture(name="inside", scope="module")
def _inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with practice_userland(tmp_path_factory.mktemp("userland")) as connection:
        for name, content in answer_disc.scripts():
            file.write(connection.sftp, rf"{SETUP}\{name}", content.replace(rb">\\.\COM1", b">>" + MARKS.encode()))
        file.write(connection.sftp, rf"{SETUP}\settings.json", json.dumps(SETTINGS).encode())
        yield Inside(connection)
