"""What a worker of a test run leaves of its guests when it is killed: the logs of their machines."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_smolvm.errors import TimedOut
from pytest_smolvm.host import records
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import until
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory

_END_SECONDS = stretched(5.0)
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class GuestUser:
    """Whose a guest is."""

    run: str
    """Names the test run."""
    worker: str
    """One of its processes."""


def note(machine: Machine, user: GuestUser) -> None:
    """Note beside a machine's files whose it is, for :func:`logs`.

    :raises OSError: the file system is full.
    """
    records.write(machine.files.user, asdict(user), mode=0o600)


def logs(store: Store, user: GuestUser) -> Iterator[list[Path]]:
    """The logs of each guest that somebody had who has been killed, as long as nobody has cleared the store."""
    found = [directory for directory in store.runs.iterdir() if _is_of(directory, user)]
    with suppress(TimedOut):  # who has made some of them for him ends after him
        what = "the end of what a killed process had started"
        until(what, lambda: all(map(store.is_left, found)), timeout=_END_SECONDS, interval=_LOOK_SECONDS)
    for directory in filter(store.is_left, found):
        yield [log for log in RunDirectory(directory).logs if log.exists() and log.stat().st_size]


def _is_of(directory: Path, user: GuestUser) -> bool:
    return records.read(RunDirectory(directory).user) == asdict(user)


def gathered(store: Store, user: GuestUser, place: Path) -> list[Path]:
    """Copy these logs into a directory, those of a second guest into one in it, and so on; made if there is one.

    :returns: what was copied.
    :raises OSError: it cannot be written.
    """
    copied: list[Path] = []
    for number, found in enumerate(logs(store, user), 1):
        own = place if number == 1 else place / f"guest-{number}"
        own.mkdir(parents=True, exist_ok=True)
        copied += [Path(shutil.copyfile(log, own / log.name)) for log in found]
    return copied
