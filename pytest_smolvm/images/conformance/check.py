"""Prove an image: boot it and compare what commands in it answer with what is expected of a Windows guest."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from subprocess import list2cmdline

from pytest_smolvm.errors import CommandTimedOut
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.commands import run as commands
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.resident import Resident, start
from pytest_smolvm.guest.commands.shells import Transport
from pytest_smolvm.guest.files import file
from pytest_smolvm.guest.link.arrival import login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.conformance import cases as conformance
from pytest_smolvm.machine import disk, hypervisor, machine
from pytest_smolvm.machine.rundir import RunDirectory

_SECONDS = 120.0
_NEVER = 0xFFFFFFFE  # the exit code of what was ended; no case of the table wants it
_FILE = r"C:\Windows\Temp\pytest-smolvm.ps1"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One command and what it must answer."""

    name: str
    script: str
    shell: str = "powershell"
    stdout: str | None = None
    """Exactly this, but for spaces at the end; None: anything."""
    stderr: str | None = None
    exit_code: int = 0
    pattern: str | None = None
    """A regular expression that stdout must match from its beginning."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a case."""

    name: str
    seconds: float
    difference: str = ""
    """What was different; "" if nothing was."""

    @property
    def good(self) -> bool:
        """Whether the image answered as expected."""
        return not self.difference

    def __str__(self) -> str:
        return f"{'ok' if self.good else 'DIFFERS':8} {self.seconds:6.1f} s  {self.name}" + (
            f": {self.difference}" if self.difference else ""
        )


def check(
    image: Path,
    spec: GuestSpec,
    progress: Progress,
    store: Store | None = None,
    engines: Sequence[str] = conformance.ENGINES,
) -> tuple[Outcome, ...]:
    """Boot `image` from firmware and compare what it answers with what tests rely on.

    :param spec: account, memory and devices to use; its image is replaced.
    :param engines: the ways in which the table of scripts is to be run; none leaves it out.
    :raises ImageError: the image cannot be used.
    :raises BootError: it does not come up.
    :raises ResidentLost: the resident PowerShell does not start in it.
    """
    store = store or Store.default()
    found = disk.inspect(image)
    wanted = spec.having(image=found.path, boot="cold")
    with (
        store.run_directory() as directory,
        machine.cold(wanted.image, wanted.hardware, hypervisor.find(store), RunDirectory(directory)) as guest,
    ):
        with phase(progress, "starting the image"):
            connection = login(guest, wanted, wanted.boot_timeout)
        with closing(connection), phase(progress, "comparing"):
            told = outcomes(connection, cases(), progress)
            for engine in engines:
                with runner(engine, connection) as run:
                    told += script_outcomes(run, engine, progress)
            return told


def outcomes(connection: Transport, table: Sequence[Case], progress: Progress) -> tuple[Outcome, ...]:
    """Run a table over a connection that is logged in."""
    return tuple(_outcome(connection, case, progress) for case in table)


def script_outcomes(
    run: conformance.Runner, engine: str, progress: Progress, only: Iterable[conformance.Case] | None = None
) -> tuple[Outcome, ...]:
    """Run the table of scripts."""
    found = []
    for case in conformance.cases() if only is None else only:
        started = time.monotonic()
        (verdict,) = conformance.run(run, engine, [case])
        if not verdict.skipped:
            name = f"script ({engine}): {case.name}"
            found.append(
                Outcome(name=name, seconds=time.monotonic() - started, difference="; ".join(verdict.complaints))
            )
            progress.note(str(found[-1]))
    return tuple(found)


@contextmanager
def runner(engine: str, connection: Ssh) -> Iterator[conformance.Runner]:
    """What runs a script in one of the `conformance.ENGINES`, for the length of the block.

    :raises ResidentLost: the resident PowerShell does not start.
    """
    resident = Resident(connection.tunnel, start(connection)) if engine == "resident" else None

    def run(script: str, args: Sequence[conformance.Argument], stdin: bytes) -> RunResult:
        try:
            if engine != "file":
                return commands.run(connection, script, resident=resident, args=args, stdin=stdin, timeout=_SECONDS)
            # 5.1 takes a file without a byte order mark to be in the ANSI code page.
            file.write(connection.sftp, _FILE, script.encode("utf-8-sig"))
            line = f"{powershell.PROGRAM} -File {list2cmdline([_FILE, *map(str, args)])}"
            return commands.run(connection, line, shell="cmd", stdin=stdin, timeout=_SECONDS)
        except CommandTimedOut as exc:
            return RunResult(exc.stdout, f"not done within {exc.seconds:g} s", _NEVER, exc.seconds, script)

    with closing(resident) if resident else nullcontext():
        yield run


def cases() -> tuple[Case, ...]:
    """The package's own table: what tests rely on in an image."""
    text = resources.files(__package__).joinpath("image-checks.json").read_text(encoding="utf-8")
    return tuple(Case(**row) for row in json.loads(text))


def _outcome(connection: Transport, case: Case, progress: Progress) -> Outcome:
    try:
        result = commands.run(connection, case.script, shell=case.shell, timeout=_SECONDS)
    except CommandTimedOut as exc:
        outcome = Outcome(name=case.name, seconds=_SECONDS, difference=f"not done within {exc.seconds:g} s")
    else:
        outcome = Outcome(name=case.name, seconds=result.duration, difference=_difference(case, result))
    progress.note(str(outcome))
    return outcome


def _difference(case: Case, result: RunResult) -> str:
    found = []
    if result.exit_code != case.exit_code:
        found.append(f"exit code {result.exit_code}, expected {case.exit_code}")
    if case.pattern is not None and not re.match(case.pattern, result.stdout):
        found.append(f"stdout {result.stdout.strip()[:200]!r} does not match {case.pattern!r}")
    for name in ("stdout", "stderr"):
        expected, actual = getattr(case, name), getattr(result, name)
        if expected is not None and _lines(expected) != _lines(actual):
            found.append(f"{name} {actual.strip()[:200]!r}, expected {expected!r}")
    return "; ".join(found)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]
