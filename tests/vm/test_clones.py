"""Clones: alike where they should be, different where they must be."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.host import look
from pytest_smolvm.pool import Pool
from pytest_smolvm.progress import Silent
from pytest_smolvm.spec import GuestSpec
from pytest_smolvm.store import Store
from pytest_smolvm import templates

from .conftest import MEMORY, guest_processes


@pytest.fixture
def pool(store: Store) -> Pool:
    """The pool of the run's own store, templates included."""
    return Pool(store, look(store), Silent())


@pytest.fixture
def spec(image: Path) -> GuestSpec:
    """A clone of the practice image."""
    return GuestSpec(image=image, memory=MEMORY)


def test_two_clones_yield_different_guids(windows_vm_factory: object) -> None:
    first, second = windows_vm_factory(count=2)  # type: ignore[operator]

    guids = [vm.run("[guid]::NewGuid().ToString(); [IO.Path]::GetRandomFileName()").stdout.split() for vm in (first, second)]

    assert len(guids[0]) == len(guids[1]) == 2
    assert not set(guids[0]) & set(guids[1])


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
    before = set(pool.store.runs.iterdir())
    pool.expect(spec)
    pool.close()

    assert set(pool.store.runs.iterdir()) <= before


def test_a_real_request_takes_a_spares_room(store: Store, spec: GuestSpec) -> None:
    small = Pool(store, look(store), Silent(), max_guests=2)
    small.expect(spec)
    other = Pool(store, look(store), Silent(), max_guests=2)

    places = other.places(spec, spec)

    assert len(places) == 2
    for place in places:
        place.release()
    with SmolVM.of(spec, small) as vm:  # its spare was taken away: it gets another guest
        assert vm.run("exit 0", shell="cmd").exit_code == 0


@pytest.mark.parametrize("harm", ["truncate", "delete", "scribble"])
def test_a_damaged_template_is_baked_again_while_clones_live_on(own_store: Store, spec: GuestSpec, harm: str) -> None:
    pool = Pool(own_store, look(own_store), Silent())
    with SmolVM.of(spec, pool) as first:
        (template,) = own_store.templates.iterdir()
        state = template / "state"
        if harm == "delete":
            state.unlink()
        else:
            state.chmod(0o600)
            state.write_bytes(b"" if harm == "truncate" else b"\0" * state.stat().st_size)
        with SmolVM.of(spec, pool) as second:
            assert second.run("exit 0", shell="cmd").exit_code == 0
        assert first.run("exit 0", shell="cmd").exit_code == 0
    assert [] == guest_processes(own_store.root)


def test_a_replaced_image_is_another_template(pool: Pool, image: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", copy], check=True)
    before = templates.key(GuestSpec(image=copy), pool.host, "x")
    again = tmp_path / "again.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", again], check=True)
    again.replace(copy)

    assert before != templates.key(GuestSpec(image=copy), pool.host, "x")


def test_another_qemu_is_another_template(pool: Pool, spec: GuestSpec) -> None:
    from dataclasses import replace

    other = replace(pool.host, version="9.9")

    assert templates.key(spec, pool.host, "x") != templates.key(spec, other, "x")


def test_the_tpm_works_in_a_clone(pool: Pool, spec: GuestSpec) -> None:
    with SmolVM.of(spec, pool) as vm:
        monitor = vm._running().machine.monitor
        models = [tpm["model"] for tpm in monitor.execute("query-tpm")]

    assert models == ["tpm-crb"]
    assert re.fullmatch(r"[0-9a-f]{32}", templates.key(spec, pool.host, "x"))
