"""The processes of a guest, by tasklist.exe."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from pytest_smolvm.guest import names
from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.commands.shells import Transport
from pytest_smolvm.guest.link.channels import ANSWER_SECONDS

_LEAST_COLUMNS = 5


@dataclass(frozen=True)
class Process:
    """A process as tasklist.exe lists it."""

    name: str
    """Of its program, with ``.exe``."""
    pid: int
    """Its process id."""
    session: int
    """The Windows session it runs in; services and SSH are in 0, the desktop in 1."""
    memory: int
    """Working set in KiB."""


def listed(transport: Transport) -> list[Process]:
    """All processes, but for one that is so new that it has no name yet.

    :raises CommandFailed: tasklist.exe failed.
    """
    result = run.run(transport, "tasklist.exe /fo csv /nh", shell="cmd", timeout=ANSWER_SECONDS).check()
    rows = csv.reader(result.stdout.splitlines())
    return [_process(row) for row in rows if len(row) >= _LEAST_COLUMNS and row[0] and row[1].isdigit()]


def called(name: str, processes: list[Process]) -> list[Process]:
    """Those whose program is `name`, with or without ``.exe``."""
    wanted = names.folded(name).removesuffix(".EXE")
    return [process for process in processes if names.folded(process.name).removesuffix(".EXE") == wanted]


def _process(row: list[str]) -> Process:
    # "12,345 K", with the separator of the guest's language.
    memory = "".join(c for c in row[4] if c.isdigit())
    return Process(name=row[0], pid=int(row[1]), session=int(row[3] or 0), memory=int(memory or 0))
