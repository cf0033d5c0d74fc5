"""What a killed worker leaves of its guests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import records
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import starting
from pytest_smolvm.pool.pool import Reservation
from pytest_smolvm.pool.remains import GuestUser, gathered
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.starting import RunningGuest

USER = GuestUser("a run", "gw0")
# A process that makes run directories until it is killed, which it is told to be when they are there.
OWNER = """
import os, signal, sys
from contextlib import ExitStack
from pathlib import Path
from pytest_smolvm.host.store import Store
store, stack = Store.at(Path(sys.argv[1])), ExitStack()
for name in sys.argv[2:]:
    directory = stack.enter_context(store.run_directory())
    (directory / name).write_text(name)
os.kill(os.getpid(), signal.SIGKILL)
"""


def left(store: Store, *names: str) -> list[RunDirectory]:
    """Run directories with such files, of a process that was killed."""
    subprocess.run([sys.executable, "-c", OWNER, os.fspath(store.root), *names], check=False)
    return [RunDirectory(next(path.parent for path in store.runs.glob(f"*/{name}"))) for name in names]


def test_its_logs_are_gathered(tmp_path: Path) -> None:
    store, place = Store.at(tmp_path / "store"), tmp_path / "place"
    for files in left(store, "serial.log", "qemu.log"):
        records.write(files.user, asdict(USER))

    copied = gathered(store, USER, place)

    assert {"serial.log", "qemu.log"} == {path.name for path in copied}
    assert {place, place / "guest-2"} == {path.parent for path in copied}


def test_those_of_others_are_not(tmp_path: Path) -> None:
    store, place = Store.at(tmp_path / "store"), tmp_path / "place"
    others, _ = left(store, "serial.log", "qemu.log")
    records.write(others.user, asdict(GuestUser("a run", "gw1")))

    assert [] == gathered(store, USER, place)
    assert not place.exists()


def test_a_guest_that_is_reverted_is_still_the_worker_s(
    site: Site, spec: GuestSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reverts it: the fixture, or the test."""

    @contextmanager
    def begun(*_: object) -> Iterator[RunningGuest]:
        with site.store.run_directory() as directory:
            machine: Any = SimpleNamespace(files=RunDirectory(directory), child=SimpleNamespace(pid=1))
            yield RunningGuest(machine, None)

    monkeypatch.setattr(starting, "running", begun)
    lease: Any = SimpleNamespace(mark=lambda pid: None)
    place = Reservation(replace(site, user=USER), spec, lease)
    noted = []
    for _ in range(2):
        with place.guest() as guest:
            noted.append(records.read(guest.machine.files.user))

    assert [asdict(USER)] * 2 == noted
