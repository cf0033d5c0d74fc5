"""Guests that are made ahead, in the process that does so: made, handed over, or gone without a word.

QEMU and login are stand-ins; what is told is told to a list.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.errors import BootError
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.waiting import until
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.qmp import Monitor
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import cloning, obstacles, starting
from pytest_smolvm.pool.claims import WAITING, Claims
from pytest_smolvm.pool.leases import Leases
from pytest_smolvm.pool.nursery import Nursling, State
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Template

PATIENCE = 10.0


@dataclass
class Clones:
    """How clones come up: when somebody lets them, one by one."""

    qemu: subprocess.Popen[bytes]
    monitor: Monitor
    entered: threading.Event = field(default_factory=threading.Event)
    """QEMU runs, and waits for leave to go on."""
    may: threading.Event = field(default_factory=threading.Event)
    ended: list[str] = field(default_factory=list)
    fails: Exception | None = None
    """While it comes up."""
    ends_with: Exception | None = None

    @contextmanager
    def clone(self, _template: object, _spec: object, _hypervisor: object, files: RunDirectory) -> Iterator[Any]:
        yield SimpleNamespace(child=self.qemu, files=files, monitor=self.monitor)
        self.ended.append("guest")
        if self.ends_with is not None:
            raise self.ends_with

    @contextmanager
    def enter(self, machine: Machine, _template: object, _spec: object) -> Iterator[RunningGuest]:
        self.entered.set()
        while not self.may.wait(0.01):
            if self.qemu.poll() is not None:  # as whoever waits for a login notices
                raise BootError("process", "QEMU ended")
        if self.fails is not None:
            raise self.fails
        yield RunningGuest(machine, None)


@pytest.fixture(name="clones")
def _clones(qemu: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Clones]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        clones = Clones(qemu, Monitor(ours, b'{"event": "RES'))
        monkeypatch.setattr(cloning, "clone", clones.clone)
        monkeypatch.setattr(starting, "entered", clones.enter)
        yield clones


class Told:
    """What is told of a guest."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self.said: list[dict[str, Any]] = []
        self.files: list[int] = []
        self._changed = threading.Condition()

    def __call__(self, state: State, *files: int, **said: Any) -> None:
        with self._changed:
            self.files += map(os.dup, files)
            self.states.append(state)
            self.said.append(said)
            self._changed.notify_all()

    def wait(self, state: State) -> dict[str, Any]:
        """Until it is told of that."""
        with self._changed:
            assert self._changed.wait_for(lambda: state in self.states, PATIENCE), (state, self.states)
            return self.said[self.states.index(state)]


@pytest.fixture(name="told")
def _told() -> Iterator[Told]:
    told = Told()
    yield told
    for file in told.files:
        os.close(file)


@pytest.fixture(name="begin")
def _begin(
    site: Site, spec: GuestSpec, clones: Clones, placed: Callable[[GuestSpec], Template], told: Told
) -> Iterator[Callable[[], Nursling]]:
    """Begins one, for which there is a template; afterwards nothing is left of it."""
    placed(spec)
    begun: list[Nursling] = []

    def begin() -> Nursling:
        begun.append(Nursling(spec, site, Leases(site.store), told))
        return begun[-1]

    yield begin
    for one in begun:
        one.end()
        one.join(PATIENCE)
        assert State.GONE is one.state
    assert [] == [*site.store.leases.iterdir(), *site.store.runs.iterdir()]


def test_one_that_is_there_is_handed_over_and_lives_until_it_is_to_end(
    begin: Callable[[], Nursling], clones: Clones, told: Told, site: Site
) -> None:
    clones.may.set()
    one = begin()
    told.wait(State.READY)

    one.take()

    said = told.wait(State.TAKEN)
    (directory,), (lease,) = site.store.runs.iterdir(), site.store.leases.iterdir()
    assert (clones.qemu.pid, str(directory)) == (said["pid"], said["directory"])
    assert lease.name.startswith(said["lease"])
    assert '{"event": "RES' == said["unread"]
    assert [] == clones.ended
    one.end()
    one.join(PATIENCE)
    assert ["guest"] == clones.ended


def test_whoever_wants_one_in_the_making_gets_it_when_it_is_there(
    begin: Callable[[], Nursling], clones: Clones, told: Told
) -> None:
    one = begin()
    assert clones.entered.wait(PATIENCE)
    one.take()
    assert [] == told.states

    clones.may.set()

    told.wait(State.TAKEN)


def test_one_that_somebody_took_over_keeps_its_room(
    begin: Callable[[], Nursling], clones: Clones, told: Told, site: Site
) -> None:
    clones.may.set()
    one = begin()
    one.take()
    lease = Leases(site.store).take_over(told.wait(State.TAKEN)["lease"])
    assert lease is not None

    one.end()
    one.join(PATIENCE)

    assert 1 == len(list(site.store.leases.iterdir()))
    lease.release()


def test_one_whose_qemu_ends_goes_by_itself(begin: Callable[[], Nursling], clones: Clones, told: Told) -> None:
    clones.may.set()
    begin()
    told.wait(State.READY)

    clones.qemu.kill()

    told.wait(State.GONE)


@pytest.mark.parametrize("error", [BootError("system", "never up"), OSError("no"), ZeroDivisionError()])
def test_one_that_does_not_come_to_be_is_nobodys_error(
    begin: Callable[[], Nursling], clones: Clones, told: Told, error: Exception
) -> None:
    clones.fails = error
    clones.may.set()

    begin().take()

    assert type(error).__name__ in told.wait(State.GONE)["why"]


def test_one_whose_end_fails_gives_its_room_back(
    begin: Callable[[], Nursling], clones: Clones, told: Told, site: Site
) -> None:
    clones.ends_with = BootError("process", "it will not end")
    clones.may.set()
    one = begin()
    told.wait(State.READY)

    one.end()

    assert "it will not end" in told.wait(State.GONE)["why"]
    assert [] == list(site.store.leases.iterdir())


def test_one_in_the_making_is_ended_at_once(begin: Callable[[], Nursling], clones: Clones, told: Told) -> None:
    one = begin()
    assert clones.entered.wait(PATIENCE)

    one.end()

    told.wait(State.GONE)
    assert clones.qemu.wait(PATIENCE) is not None


def test_one_that_is_not_wanted_before_its_qemu_runs(begin: Callable[[], Nursling], told: Told) -> None:
    begin().end()

    told.wait(State.GONE)
    assert State.TAKEN not in told.states


def test_nothing_is_baked_for_one(site: Site, spec: GuestSpec, clones: Clones, told: Told) -> None:
    Nursling(spec, site, Leases(site.store), told)

    assert {"why": ""} == told.wait(State.GONE)
    assert [] == list(site.store.templates.iterdir())


def test_none_is_made_where_guests_cannot_be_cloned(
    begin: Callable[[], Nursling], site: Site, spec: GuestSpec, clones: Clones, told: Told
) -> None:
    obstacles.record(site.store, site.hypervisor, spec.hardware, "QEMU refused migrate")
    begin()

    told.wait(State.GONE)
    assert not clones.entered.is_set()


def test_one_makes_way_for_somebody_who_cannot_end_it(
    begin: Callable[[], Nursling], clones: Clones, told: Told, site: Site
) -> None:
    """In another container its QEMU cannot be seen."""
    clones.may.set()
    begin()
    told.wait(State.READY)
    table = Claims(site.store)
    waiting = table.put(table.new(WAITING, 1))

    told.wait(State.GONE)

    until("its room", lambda: 1 == len(list(site.store.leases.iterdir())), timeout=PATIENCE)
    table.remove([waiting])
