"""Clones: alike where they should be, different where they must be."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.pool import Pool
from pytest_smolvm.progress import Silent
from pytest_smolvm.spec import GuestSpec
from pytest_smolvm.store import Store
from pytest_smolvm import templates

from .conftest import MEMORY, guest_processes, overlay, pool_on


@pytest.fixture
def pool(store: Store) -> Pool:
    """The pool of the run's own store, templates included."""
    return pool_on(store)


@pytest.fixture
def spec(image: Path) -> GuestSpec:
    """A clone of the practice image."""
    return GuestSpec(image=image, memory=MEMORY)


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
        directory = vm._running().machine.parts.directory
        taken = sum(file.stat().st_blocks * 512 for file in directory.rglob("*") if file.is_file())

    assert taken <= 2 * 2**20


def test_a_spare_is_handed_over_and_the_next_one_is_not_the_same(pool: Pool, spec: GuestSpec) -> None:
    pool.expect(spec)
    with SmolVM.of(spec, pool) as vm:
        vm.write_text(r"C:\Users\smolvm\note.txt", "mine")
        pool.expect(spec)
    with SmolVM.of(spec, pool) as vm:
        assert vm.run(r"if exist C:\Users\smolvm\note.txt (echo yes) else (echo no)", shell="cmd").stdout.strip() == "no"
    pool.close()


def test_a_spare_nobody_took_is_gone_with_the_pool(pool: Pool, spec: GuestSpec) -> None:
    ours = f"{os.getpid()}-*"  # other workers have theirs in the same store
    before = set(pool.store.runs.glob(ours))
    pool.expect(spec)
    pool.close()

    assert set(pool.store.runs.glob(ours)) <= before


def test_a_real_request_takes_a_spares_room(store: Store, spec: GuestSpec) -> None:
    small = pool_on(store, max_guests=2)
    small.expect(spec)
    other = pool_on(store, max_guests=2)

    places = other.places(spec, spec)

    assert len(places) == 2
    for place in places:
        place.release()
    with SmolVM.of(spec, small) as vm:  # its spare was taken away: it gets another guest
        assert vm.run("exit 0", shell="cmd").exit_code == 0


@pytest.fixture(scope="module")
def baking(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    """A pool on a store of this module's own, for what bakes templates."""
    own = Store.at(tmp_path_factory.mktemp("baking") / "store")
    return pool_on(own)


def answers(vm: SmolVM) -> bool:
    return vm.run("exit 0", shell="cmd").exit_code == 0


@pytest.mark.parametrize("harm", ["truncate", "delete", "scribble"])
def test_a_damaged_template_is_baked_again_while_clones_live_on(baking: Pool, spec: GuestSpec, harm: str) -> None:
    with SmolVM.of(spec, baking) as first:
        (template,) = baking.store.templates.iterdir()
        state = template / "state"
        seen = state.stat()
        state.chmod(0o600)
        if harm == "delete":
            state.unlink()
        else:
            state.write_bytes(b"" if harm == "truncate" else b"\0" * seen.st_size)
        if harm == "scribble":  # only QEMU can tell
            os.utime(state, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        with SmolVM.of(spec, baking) as second:
            assert answers(second)
        assert answers(first)
    assert [] == guest_processes(baking.store.root)


def test_two_qemus_take_turns(baking: Pool, spec: GuestSpec) -> None:
    other = Pool(baking.store, replace(baking.host, version="9.9"), Silent())
    with SmolVM.of(spec, baking) as vm:
        assert answers(vm)
    before = set(baking.store.templates.iterdir())

    for pool in (other, baking, other):
        with SmolVM.of(spec, pool) as vm:
            assert answers(vm)

    assert len(set(baking.store.templates.iterdir()) - before) == 1


def test_an_image_that_is_replaced_in_place_is_another_image(baking: Pool, image: Path, tmp_path: Path) -> None:
    copy, again = tmp_path / "copy.qcow2", tmp_path / "again.qcow2"
    for path in (copy, again):
        overlay(path, image)
    spec = GuestSpec(image=copy, memory=MEMORY)
    with SmolVM.of(spec, baking) as first:
        before = set(baking.store.templates.iterdir())
        again.replace(copy)
        with SmolVM.of(spec, baking) as second:
            assert answers(second)
        assert answers(first)

    assert len(set(baking.store.templates.iterdir()) - before) == 1


def test_the_tpm_works_in_a_clone(pool: Pool, spec: GuestSpec) -> None:
    with SmolVM.of(spec, pool) as vm:
        monitor = vm._running().machine.monitor
        models = [tpm["model"] for tpm in monitor.execute("query-tpm")]

    assert models == ["tpm-crb"]
    assert re.fullmatch(r"[0-9a-f]{32}", templates.key(spec, pool.host, "x"))
