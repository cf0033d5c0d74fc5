"""Spares: made ahead, handed over, or gone without a word; QEMU and login are stand-ins."""

from __future__ import annotations

import logging
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
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import cloning, starting
from pytest_smolvm.pool.claims import WAITING, Claims
from pytest_smolvm.pool.leases import Leases
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.spares import Spare, State
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Template

PATIENCE = 10.0


@dataclass
class Clones:
    """How clones come up: when somebody lets them, one by one."""

    qemu: subprocess.Popen[bytes]
    entered: threading.Event = field(default_factory=threading.Event)
    """QEMU runs, and waits for leave to go on."""
    may: threading.Event = field(default_factory=threading.Event)
    ended: list[str] = field(default_factory=list)
    fails: Exception | None = None
    """While it comes up."""
    ends_with: Exception | None = None

    @contextmanager
    def clone(self, _template: object, _spec: object, _hypervisor: object, files: RunDirectory) -> Iterator[Any]:
        yield SimpleNamespace(child=self.qemu, files=files)
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
def _clones(qemu: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> Clones:
    clones = Clones(qemu)
    monkeypatch.setattr(cloning, "clone", clones.clone)
    monkeypatch.setattr(starting, "entered", clones.enter)
    return clones


@pytest.fixture(name="spare")
def _spare(
    site: Site, spec: GuestSpec, clones: Clones, placed: Callable[[GuestSpec], Template]
) -> Iterator[Callable[[], Spare]]:
    """Begins one, for which there is a template; afterwards nothing is left of it."""
    placed(spec)
    begun: list[Spare] = []

    def begin() -> Spare:
        begun.append(Spare(spec, site, Leases(site.store)))
        return begun[-1]

    yield begin
    for one in begun:
        one.doom()
        one.join(PATIENCE)
        assert one.state in (State.GONE, State.TAKEN)
    assert [] == [*site.store.leases.iterdir(), *site.store.runs.iterdir()]


def test_one_that_is_there_is_taken_and_ends_with_its_use(spare: Callable[[], Spare], clones: Clones) -> None:
    clones.may.set()
    one = spare()
    assert State.READY is one.wait(PATIENCE)

    assert one.take()

    with one.used() as guest:
        assert clones.qemu is guest.machine.child
        assert [] == clones.ended
    assert ["guest"] == clones.ended
    one.lease.release()


def test_whoever_wants_one_in_the_making_waits_for_it(spare: Callable[[], Spare], clones: Clones) -> None:
    one = spare()
    assert clones.entered.wait(PATIENCE)
    threading.Timer(0.1, clones.may.set).start()

    assert one.take()

    with one.used():
        pass
    one.lease.release()


def test_what_it_suits(spare: Callable[[], Spare], spec: GuestSpec) -> None:
    one = spare()

    assert one.suits(spec.having(env_vars={"A": "1"}))  # applied when it is handed over
    assert not one.suits(spec.having(memory=512))


def test_one_whose_room_was_taken_away_is_not_handed_over(
    spare: Callable[[], Spare], clones: Clones, site: Site
) -> None:
    clones.may.set()
    one = spare()
    one.wait(PATIENCE)
    (lease,) = site.store.leases.iterdir()
    lease.unlink()

    assert not one.take()
    one.join(PATIENCE)
    assert ["guest"] == clones.ended


def test_one_whose_qemu_has_ended_is_not_handed_over(spare: Callable[[], Spare], clones: Clones) -> None:
    clones.may.set()
    one = spare()
    one.wait(PATIENCE)
    clones.qemu.kill()
    clones.qemu.wait()

    assert not one.take()


@pytest.mark.parametrize("error", [BootError("system", "never up"), OSError("no"), ZeroDivisionError()])
def test_one_that_does_not_come_to_be_is_nobodys_error(
    spare: Callable[[], Spare], clones: Clones, error: Exception
) -> None:
    clones.fails = error
    clones.may.set()

    assert not spare().take()


def test_one_whose_end_fails_gives_its_room_back(spare: Callable[[], Spare], clones: Clones, site: Site) -> None:
    clones.ends_with = BootError("process", "it will not end")
    clones.may.set()
    one = spare()
    one.wait(PATIENCE)

    one.doom()
    one.join(PATIENCE)

    assert State.GONE is one.state
    assert [] == list(site.store.leases.iterdir())


def test_one_in_the_making_is_ended_at_once(spare: Callable[[], Spare], clones: Clones) -> None:
    one = spare()
    assert clones.entered.wait(PATIENCE)

    one.doom()
    one.join(PATIENCE)

    assert State.GONE is one.state
    assert clones.qemu.wait(PATIENCE) is not None


def test_one_that_is_not_wanted_before_its_qemu_runs(spare: Callable[[], Spare], clones: Clones) -> None:
    one = spare()
    one.doom()
    one.join(PATIENCE)

    assert State.GONE is one.state


def test_nothing_is_baked_for_one(site: Site, spec: GuestSpec, clones: Clones) -> None:
    one = Spare(spec, site, Leases(site.store))

    assert not one.take()
    assert not clones.entered.is_set()
    assert [] == list(site.store.templates.iterdir())


def test_one_that_gets_stuck_is_not_waited_for_for_ever(spare: Callable[[], Spare], clones: Clones) -> None:
    one = spare()
    assert clones.entered.wait(PATIENCE)

    assert not one.take(patience=0.2)

    one.join(PATIENCE)
    assert State.GONE is one.state


def test_one_makes_way_for_somebody_who_cannot_end_it(
    spare: Callable[[], Spare], clones: Clones, site: Site, spec: GuestSpec
) -> None:
    """In another container its QEMU cannot be seen."""
    clones.may.set()
    one = spare()
    one.wait(PATIENCE)
    table = Claims(site.store)
    waiting = table.put(table.new(WAITING, 1))

    one.join(PATIENCE)

    assert State.GONE is one.state
    table.remove([waiting])


def test_what_goes_wrong_with_one_is_not_in_somebodys_log(
    spare: Callable[[], Spare], clones: Clones, caplog: pytest.LogCaptureFixture
) -> None:
    """The test that runs meanwhile may look at what was logged."""
    caplog.set_level(logging.INFO)
    clones.fails = BootError("system", "never up")
    clones.may.set()

    assert not spare().take()
    assert [] == caplog.records
