"""The door: what is known to fail is not tried again, and a host that cannot clone gives cold guests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import limits
from pytest_smolvm.images import inventory
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.pool import obstacles
from pytest_smolvm.pool.nursery import State
from pytest_smolvm.pool.pool import Pool
from pytest_smolvm.pool.site import Site


@pytest.fixture(name="pool")
def _pool(site: Site) -> Iterator[Pool]:
    pool = Pool(site.store, site.hypervisor, site.progress)
    yield pool
    pool.close()
    assert [] == [*pool.store.leases.iterdir(), *pool.store.runs.iterdir()]


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
    assert State.GONE is pool.spares.wait(0)


def test_fewer_guests_fit_where_each_has_its_memory_for_itself(pool: Pool, spec: GuestSpec) -> None:
    large = spec.having(memory=limits.memory_mib()[0] // 4)
    clones = pool.room(large)
    obstacles.record(pool.store, pool.hypervisor, large.hardware, "QEMU refused migrate")

    assert 1 <= pool.room(large) < clones


def test_the_image_of_whoever_has_room_for_a_guest_is_in_use(pool: Pool, spec: GuestSpec) -> None:
    """Whether a guest runs at the moment or not, and wherever that can be seen from."""
    image = shutil.copyfile(spec.image, pool.store.images / "win11.qcow2")
    (room,) = pool.reserve(spec.having(image=image))

    assert [True] == [entry.held for entry in inventory.entries(pool.store)]
    assert [] == inventory.prune(pool.store, 0)
    room.release()
    assert [False] == [entry.held for entry in inventory.entries(pool.store)]


def test_guests_that_only_emulation_runs_are_told_of_once(
    site: Site, spec: GuestSpec, said: list[str], tmp_path: Path
) -> None:
    qemu = tmp_path / "qemu"
    qemu.write_text("#!/bin/sh\necho 'System Management Mode not supported by this hypervisor.'\n", encoding="ascii")
    qemu.chmod(0o755)
    kvm = Hypervisor(str(qemu), "7.2.22", Accelerator("kvm", "host", ""), answers=str(tmp_path))
    pool = Pool(site.store, kvm, site.progress)

    for _ in range(2):
        for wanted in (spec, spec.having(secure_boot=True)):
            (room,) = pool.reserve(wanted)
            room.release()

    (line,) = said
    assert line.startswith("guests with Secure Boot run under tcg here, some twenty times slower than others: ")
