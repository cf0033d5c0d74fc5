"""Prove an image: boot it and compare what commands in it answer with what the table expects of a Windows guest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from subprocess import list2cmdline

from pytest_smolvm.errors import CommandTimedOut
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.commands import run as commands
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.commands.resident import Resident, start
from pytest_smolvm.guest.files import file
from pytest_smolvm.guest.link.arrival import login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.conformance import cases
from pytest_smolvm.images.conformance.cases import CMD, ENGINES, Case, Runner, Verdict
from pytest_smolvm.machine import disk, hypervisor, machine
from pytest_smolvm.machine.rundir import RunDirectory

_SECONDS = 120.0
_NEVER = 0xFFFFFFFE  # the exit code of what was ended; no case of the table wants it
_FILE = r"C:\Windows\Temp\pytest-smolvm.ps1"


def check(
    spec: GuestSpec, progress: Progress, store: Store | None = None, engines: Sequence[str] = ENGINES
) -> tuple[Verdict, ...]:
    """Boot an image from firmware and compare what it answers with what tests rely on.

    :param spec: image, account, memory and devices.
    :param engines: the ways in which the cases about scripts are to be run; none leaves them out.
    :returns: what came of each case that was run.
    :raises ImageError: the image cannot be used.
    :raises BootError: it does not come up.
    :raises ResidentLost: the resident PowerShell does not start in it.
    """
    store = store or Store.default()
    disk.inspect(spec.image)
    found = hypervisor.find(store)
    with (
        store.run_directory() as directory,
        machine.cold(spec.image, spec.hardware, found, RunDirectory(directory), network=spec.reach) as guest,
    ):
        with phase(progress, "starting the image"):
            connection = login(guest, spec, spec.boot_timeout)
        with closing(connection), phase(progress, "comparing"):
            return tuple(_told(compare(connection, engines), progress))


def compare(connection: Ssh, engines: Sequence[str] = ENGINES) -> Iterator[Verdict]:
    """Put the whole table to a guest: the cases about its image, and those about scripts in each of these ways.

    :raises ResidentLost: the resident PowerShell does not start in it.
    """
    about_image = cases.image_cases()
    for way in dict.fromkeys(case.once for case in about_image):
        yield from put(connection, way, [case for case in about_image if case.once == way])
    for engine in engines:
        yield from put(connection, engine, cases.cases())


def put(connection: Ssh, engine: str, table: Sequence[Case]) -> Iterator[Verdict]:
    """Put these cases to a guest in one way."""
    with runner(engine, connection) as run:
        yield from cases.run(run, engine, table)


@contextmanager
def runner(engine: str, connection: Ssh) -> Iterator[Runner]:
    """What runs a script in one of the `ENGINES`, or a line in `CMD`, for the length of the block.

    :raises ResidentLost: the resident PowerShell does not start.
    """
    resident = Resident(connection.tunnel, start(connection)) if engine == "resident" else None

    def run(script: str, args: Sequence[Argument], stdin: bytes) -> RunResult:
        try:
            if engine == "file":
                # 5.1 takes a file without a byte order mark to be in the ANSI code page.
                file.write(connection.sftp, _FILE, script.encode("utf-8-sig"))
                script = f"{powershell.PROGRAM} -File {list2cmdline([_FILE, *map(str, args)])}"
            if engine in ("file", CMD):
                return commands.run(connection, script, shell="cmd", stdin=stdin, timeout=_SECONDS)
            return commands.run(connection, script, resident=resident, args=args, stdin=stdin, timeout=_SECONDS)
        except CommandTimedOut as exc:
            return RunResult(exc.stdout, f"not done within {exc.seconds:g} s", _NEVER, exc.seconds, script)

    with closing(resident) if resident else nullcontext():
        yield run


def _told(verdicts: Iterator[Verdict], progress: Progress) -> Iterator[Verdict]:
    """The verdicts on cases that were run, each said as it comes."""
    for verdict in verdicts:
        if not verdict.skipped:
            progress.note(str(verdict))
            yield verdict
