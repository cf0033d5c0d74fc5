"""Templates that are damaged or belong to something else are replaced, and clones of the old ones live on."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.pool.pool import Pool
from tests.booted.conftest import MEMORY, guest_processes, overlay, pool_on

pytestmark = pytest.mark.slow


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
    other = Pool(baking.store, replace(baking.hypervisor, version="9.9"), Silent())
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
