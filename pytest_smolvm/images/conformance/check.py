"""What puts the conformance table to a guest over a connection."""

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
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.images.conformance import cases
from pytest_smolvm.images.conformance.cases import CMD, Case, Runner, Verdict

_SECONDS = stretched(120.0)
_NEVER = 0xFFFFFFFE  # the exit code of what was ended; no case of the table wants it
_FILE = r"C:\Windows\Temp\pytest-smolvm.ps1"


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
