"""The door: a spare that suits is what the next one gets, and a host that cannot clone gives cold guests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.pool import cloning, obstacles, starting
from pytest_smolvm.pool.pool import Pool
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.spares import State
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Template


@pytest.fixture(name="pool")
def _pool(site: Site) -> Iterator[Pool]:
    pool = Pool(site.store, site.hypervisor, site.progress)
    yield pool
    pool.close()
    assert [] == [*pool.store.leases.iterdir(), *pool.store.runs.iterdir()]


@pytest.fixture(name="cloned")
def _cloned(
    spec: GuestSpec, qemu: object, placed: Callable[[GuestSpec], Template], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Clones come up at once; those that ended are listed."""
    placed(spec)
    ended: list[str] = []

    @contextmanager
    def clone(*_: object) -> Iterator[Any]:
        yield SimpleNamespace(child=qemu)
        ended.append("guest")

    @contextmanager
    def entered(machine: Machine, *_: object) -> Iterator[RunningGuest]:
        yield RunningGuest(machine, None)

    monkeypatch.setattr(cloning, "clone", clone)
    monkeypatch.setattr(starting, "entered", entered)
    return ended


def ready(pool: Pool, spec: GuestSpec) -> None:
    """A spare is there."""
    pool.expect(spec)
    assert pool.spare is not None
    assert State.READY is pool.spare.wait(10)


def test_a_spare_that_suits_is_handed_over_and_outlives_the_pool(
    pool: Pool, spec: GuestSpec, cloned: list[str]
) -> None:
    ready(pool, spec)
    spare = pool.spare

    (room,) = pool.reserve(spec)

    assert pool.spare is None
    assert State.TAKEN is (spare and spare.state)
    pool.close()
    assert [] == cloned
    with room.guest():
        assert [] == cloned
    assert ["guest"] == cloned
    room.release()


def test_a_spare_that_nobody_uses_in_the_end(pool: Pool, spec: GuestSpec, cloned: list[str]) -> None:
    ready(pool, spec)
    (room,) = pool.reserve(spec)

    room.release()

    assert ["guest"] == cloned


def test_a_spare_that_does_not_suit_makes_way(pool: Pool, spec: GuestSpec, cloned: list[str]) -> None:
    ready(pool, spec)

    (room,) = pool.reserve(spec.having(cpus=1))

    assert pool.spare is None
    room.release()
    pool.close()
    assert ["guest"] == cloned


def test_a_spare_whose_room_was_taken_away_is_cleared(pool: Pool, spec: GuestSpec, cloned: list[str]) -> None:
    ready(pool, spec)
    (lease,) = pool.store.leases.iterdir()
    lease.unlink()

    (room,) = pool.reserve(spec)
    room.release()
    pool.close()

    assert ["guest"] == cloned


def test_a_host_that_cannot_clone_gives_cold_guests_with_room_for_them(pool: Pool, spec: GuestSpec) -> None:
    def memory() -> int:
        (room,) = pool.reserve(spec)
        weight = room.lease.memory
        room.release()
        return weight

    before = memory()
    obstacles.record(pool.store, pool.hypervisor, spec.hardware, "QEMU refused migrate")

    assert before + spec.memory // 2 == memory()
    pool.expect(spec)
    assert pool.spare is None


def test_a_forked_child_leaves_its_parents_spare_alone(pool: Pool, spec: GuestSpec, cloned: list[str]) -> None:
    ready(pool, spec)
    spare = pool.spare
    assert spare is not None

    child = os.fork()
    if not child:
        done = 1
        try:
            assert pool.spare is None
            (room,) = pool.reserve(spec)  # has room of its own
            room.release()
            pool.close()
            done = 0
        finally:
            os._exit(done)
    assert (child, 0) == os.waitpid(child, 0)

    states = [spare.state]
    (room,) = pool.reserve(spec)
    states.append(spare.state)
    assert [State.READY, State.TAKEN] == states
    room.release()
