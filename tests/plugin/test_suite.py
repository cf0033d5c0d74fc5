"""What is kept of guests, without any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.errors import BootError
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.plugin.options import KEEP, Settings
from pytest_smolvm.plugin.suite import Session
from pytest_smolvm.pool.starting import RunningGuest

SPEC = GuestSpec(image=Path("/win11.qcow2"), boot="cold")


class NeverUp:
    """A machine nobody can log in to."""

    @property
    def ssh_port(self) -> int:
        raise BootError("system", "its SSH server never answered")

    log_tail = ""
    files = RunDirectory(Path("/nowhere"))


class Places:
    """A pool, and the places in it, whose guests do not come up."""

    def __init__(self) -> None:
        self.guests: list[RunningGuest] = []

    def reserve(self, *specs: GuestSpec) -> list[Places]:
        return [self for _ in specs]

    def release(self) -> None:
        pass

    @contextmanager
    def guest(self) -> Iterator[RunningGuest]:
        guest = RunningGuest(NeverUp(), None)  # type: ignore[arg-type]
        self.guests.append(guest)
        yield guest


@pytest.mark.parametrize("keep", KEEP)
def test_guests_that_did_not_come_up_are_kept_as_failed_ones(tmp_path: Path, keep: str) -> None:
    said: list[str] = []
    config: Any = SimpleNamespace(getoption=lambda name: "fd")
    request: Any = SimpleNamespace(node=SimpleNamespace(nodeid="test_a.py::test_b", stash=pytest.Stash()))
    session = Session(config, Settings(store=tmp_path, keep=keep), said.append)
    pool: Any = Places()
    session.pool = pool

    with pytest.raises(BootError), session.guests([SPEC, SPEC], request):
        pass

    expected = (
        [] if keep == "never" else [session.store.kept / "test_a.py-test_b", session.store.kept / "test_a.py-test_b-1"]
    )
    assert expected == [guest.keep for guest in pool.guests if guest.keep]
    assert expected == [Path(line.rpartition(": ")[2]) for line in said]
