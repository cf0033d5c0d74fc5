"""Clones: alike where they should be, different where they must be."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import until
from pytest_smolvm.pool.nursery import State
from pytest_smolvm.pool.pool import Pool
from tests.booted.conftest import guest_processes, pool_on


@pytest.fixture
def pool(store: Store) -> Pool:
    """The pool of the run's own store, templates included."""
    return pool_on(store)


RANDOM = """
[guid]::NewGuid().ToString()
[IO.Path]::GetRandomFileName()
Get-Random
(New-Object Random).Next()
[Convert]::ToBase64String([Security.Cryptography.RSA]::Create(1024).ExportParameters($false).Modulus)
"""


def test_two_clones_yield_different_guids_and_keys(windows_vm_factory: object) -> None:
    first, second = windows_vm_factory(count=2)  # type: ignore[operator]

    yields = [vm.run(RANDOM, check=True).stdout.split() for vm in (first, second)]

    assert len(yields[0]) == len(yields[1]) == 5
    assert not set(yields[0]) & set(yields[1])


def test_a_clone_has_a_generation_id_of_its_own(pool: Pool, spec: GuestSpec) -> None:
    found = []
    for _ in range(2):
        with SmolVM.of(spec, pool) as vm:
            found.append(vm._running().machine.monitor.execute("query-vm-generation-id")["guid"])

    assert found[0] != found[1]


def test_an_idle_clone_takes_little_disk(pool: Pool, spec: GuestSpec) -> None:
    with SmolVM.of(spec, pool) as vm:
        directory = vm._running().machine.files.path
        files = [file.stat() for file in directory.rglob("*") if file.is_file()]
        taken = sum(file.st_blocks * 512 for file in files if file.st_nlink == 1)  # the others are the template's, too

    assert taken <= 2 * 2**20


def ready(pool: Pool, spec: GuestSpec) -> None:
    """A spare is there."""
    pool.expect(spec)
    assert State.READY is pool.spares.wait(120)


def test_a_spare_is_handed_over_and_the_next_one_is_not_the_same(pool: Pool, spec: GuestSpec) -> None:
    own_child = rf"\bPPid:\t{os.getpid()}\b"
    with SmolVM.of(spec, pool):
        pass  # the template is baked
    ready(pool, spec)
    with SmolVM.of(spec, pool) as vm:
        assert not re.search(own_child, Path(f"/proc/{vm._running().machine.child.pid}/status").read_text())
        vm.write_text(r"C:\Users\smolvm\note.txt", "mine")
        ready(pool, spec)
    with SmolVM.of(spec, pool) as vm:
        assert not re.search(own_child, Path(f"/proc/{vm._running().machine.child.pid}/status").read_text())
        assert not vm.exists(r"C:\Users\smolvm\note.txt")
    pool.close()


def test_a_spare_nobody_took_is_gone_with_the_pool(calm_store: Store, spec: GuestSpec) -> None:
    pool = pool_on(calm_store)
    ready(pool, spec)
    assert 2 == len(guest_processes(calm_store.runs))

    pool.close()

    assert [] == [*guest_processes(calm_store.runs), *calm_store.runs.iterdir(), *calm_store.leases.iterdir()]


def test_a_real_request_takes_a_spares_room(calm_store: Store, spec: GuestSpec) -> None:
    small, other = (pool_on(calm_store, max_guests=2) for _ in range(2))
    ready(small, spec)

    places = other.reserve(spec, spec)

    until("the spare's end", lambda: not guest_processes(calm_store.runs), timeout=60)
    for place in places:
        place.release()
    with SmolVM.of(spec, small) as vm:  # its spare was taken away: it gets another guest
        assert vm.run("exit 0", shell="cmd").exit_code == 0
    small.close()


# What Linux shows of a register; it asks the TPM each time.
READ_PCR = r"type \\?\unix\sys\class\tpm\tpm0\pcr-sha256\7"


def test_the_tpm_works_in_a_clone(pool: Pool, spec: GuestSpec) -> None:
    with SmolVM.of(spec, pool) as vm:
        monitor = vm._running().machine.monitor
        models = [tpm["model"] for tpm in monitor.execute("query-tpm")]
        measured = vm.run(READ_PCR, shell="cmd", check=True).stdout.strip()

    assert models == ["tpm-crb"]
    assert re.fullmatch(r"[0-9A-F]{64}", measured)
    assert measured.strip("0")
