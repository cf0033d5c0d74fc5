"""Our library that sees and uses a guest's desktop, and how it is asked; scripts/library is its source."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.desktop import source
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.secret import unseen
from pytest_smolvm.host.waiting import Deadline

COMPILE_SECONDS = stretched(300.0)  # half a minute, on an emulated processor that others use, too
WAY_SECONDS = stretched(30.0)
"""An answer has to be on its way at the deadline; the way itself, of so much at most, is not counted."""
_LEAST = 0.1  # seconds that the library gets even where nothing is left: each wait looks once
_LOADING = "$stdin = [Console]::OpenStandardInput()\n"
_ABSENT = "absent"  # what our scripts say then


class RunInResident(Protocol):
    """Runs a script in a resident PowerShell."""

    def __call__(
        self, script: str, args: Sequence[Argument], *, stdin: bytes = b"", timeout: float | None = None
    ) -> RunResult:
        """:param timeout: seconds."""


def ask(run: RunInResident, deadline: Deadline, words: Sequence[str | int]) -> dict[str, Any]:
    """Its answer. Where it has never been compiled it is so first, which takes more than the deadline has.

    :raises CommandFailed: it broke, or could not be compiled.
    """

    def asked() -> str:
        seconds = patience(deadline)
        args: list[Argument] = [source.name(), int(seconds * 1000), *map(str, words)]
        return run(script("ask"), args, timeout=seconds + WAY_SECONDS).check().stdout

    answer: dict[str, Any] = json.loads(_compiled(run, asked))
    return answer


def opened(run: RunInResident, secret: str) -> int:
    """Have it answer on a port of its own; the port.

    :param secret: what connections begin with.
    :raises CommandFailed: it broke, or could not be compiled.
    """

    def asked() -> str:
        with unseen():
            said = run(script("open"), [source.name()], stdin=secret.encode() + b"\n", timeout=COMPILE_SECONDS)
        return said.check().stdout

    return int(_compiled(run, asked))


def patience(deadline: Deadline) -> float:
    """Seconds that the library has for an answer."""
    return max(deadline.at_most(COMPILE_SECONDS), _LEAST)


def _compiled(run: RunInResident, asked: Callable[[], str]) -> str:
    """What a script says of the library, which is compiled if it never was."""
    said = asked()
    if said == _ABSENT:
        load = _LOADING + powershell.text_of("library")
        run(load, [], stdin=powershell.loading(source.text()), timeout=COMPILE_SECONDS).check()
        said = asked()
    return said


@cache
def script(which: str) -> str:
    """A script of ours that uses the library."""
    folder = files(__package__) / "scripts"
    text = (folder / f"{which}.ps1").read_text(encoding="ascii")
    # Functions after its parameters, which have to come first.
    before, mark, after = text.partition("$ErrorActionPreference = 'Stop'\n")
    return before + mark + (folder / "door.ps1").read_text(encoding="ascii") + after
