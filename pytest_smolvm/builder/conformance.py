"""Prove an image: boot it and compare what commands in it answer with what is expected of a Windows guest."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pytest_smolvm import commands, conformance, disk, machine, settings
from pytest_smolvm import host as hosts
from pytest_smolvm.commands import RunResult
from pytest_smolvm.errors import CommandTimedOut, UsageError
from pytest_smolvm.progress import Progress, phase
from pytest_smolvm.spec import GuestSpec
from pytest_smolvm.store import Store

_OWN_TABLE = "image-checks.json"
_SECONDS = 120.0
_NEVER = 0xFFFFFFFE  # the exit code of what was ended; no case of the table wants it
_FIELDS = {"name", "script", "shell", "stdout", "stderr", "exit_code", "pattern"}


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
        return f"{'ok' if self.good else 'DIFFERS':8} {self.seconds:6.1f} s  {self.name}" + (f": {self.difference}" if self.difference else "")


def check(image: Path, spec: GuestSpec, progress: Progress, store: Store | None = None, table: Sequence[Case] | None = None) -> tuple[Outcome, ...]:
    """Boot `image` from firmware and compare what it answers with what tests rely on.

    :param spec: account, memory and devices to use; its image is replaced.
    :param table: the cases; None runs the package's own about the image, and all scripts of the conformance table.
    :raises ImageError: the image cannot be used.
    :raises BootError: it does not come up.
    """
    store = store or Store.at(settings.default_store())
    found = disk.inspect(image)
    host = hosts.look(store)
    wanted = spec.having(image=found.path, boot="cold")
    with store.run_directory() as directory, machine.cold(wanted, host, directory) as guest:
        with phase(progress, "starting the image"):
            connection = guest.login(wanted, wanted.boot_timeout)
        try:
            with phase(progress, "comparing"):
                found_out = outcomes(connection, cases() if table is None else table, progress)
                return found_out if table is not None else found_out + script_outcomes(connection, progress)
        finally:
            connection.close()


def outcomes(connection: commands.Transport, table: Sequence[Case], progress: Progress) -> tuple[Outcome, ...]:
    """Run a table over a connection that is logged in."""
    return tuple(_outcome(connection, case, progress) for case in table)


def script_outcomes(connection: commands.Transport, progress: Progress, only: Iterable[conformance.Case] | None = None) -> tuple[Outcome, ...]:
    """Run the table of scripts, each in a PowerShell of its own."""

    def run(script: str, args: Sequence[conformance.Argument], stdin: bytes) -> RunResult:
        try:
            return commands.run(connection, script, args=args, stdin=stdin, timeout=_SECONDS)
        except CommandTimedOut as exc:
            return RunResult(exc.stdout, f"not done within {exc.seconds:g} s", _NEVER, exc.seconds, script)

    found = []
    for case in conformance.cases() if only is None else only:
        started = time.monotonic()
        (verdict,) = conformance.run(run, "fresh", [case])
        if not verdict.skipped:
            found.append(Outcome(name=f"script: {case.name}", seconds=time.monotonic() - started, difference="; ".join(verdict.complaints)))
            progress.note(str(found[-1]))
    return tuple(found)


def cases() -> tuple[Case, ...]:
    """The package's own table: what tests rely on in an image."""
    return tuple(_read(resources.files("pytest_smolvm.builder").joinpath(_OWN_TABLE).read_text(encoding="utf-8"), _OWN_TABLE))


def cases_from(path: Path) -> tuple[Case, ...]:
    """A table from a JSON file: a list of objects with name, script and what is expected.

    :raises UsageError: it cannot be read, or has fields that nobody knows.
    """
    try:
        return tuple(_read(path.read_text(encoding="utf-8"), str(path)))
    except OSError as exc:
        raise UsageError(f"the table {path} cannot be read: {exc.strerror}") from exc


def _read(text: str, name: str) -> Iterator[Case]:
    try:
        rows: list[dict[str, Any]] = json.loads(text)
    except ValueError as exc:
        raise UsageError(f"the table {name} is not JSON: {exc}") from exc
    for row in rows:
        unknown = set(row) - _FIELDS
        if unknown or not {"name", "script"} <= set(row):
            raise UsageError(f"the table {name} has a row with {sorted(unknown)} or without name and script")
        yield Case(**row)


def _outcome(connection: commands.Transport, case: Case, progress: Progress) -> Outcome:
    try:
        result = commands.run(connection, case.script, shell=case.shell, timeout=_SECONDS)
    except CommandTimedOut as exc:
        outcome = Outcome(name=case.name, seconds=_SECONDS, difference=f"not done within {exc.seconds:g} s")
    else:
        outcome = Outcome(name=case.name, seconds=result.duration, difference=_difference(case, result))
    progress.note(str(outcome))
    return outcome


def _difference(case: Case, result: commands.RunResult) -> str:
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
