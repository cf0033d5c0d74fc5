"""Nothing is left after SIGKILL; the whole storm is ``make soak``."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import hypervisor
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.pool import obstacles, templates, warming
from pytest_smolvm.pool.baking import baked
from pytest_smolvm.pool.site import Site
from tests.booted.conftest import pool_on, template_of
from tests.faults import Storm


def test_twenty_kills_leave_nothing(spec: GuestSpec, store: Store, tmp_path: Path) -> None:
    storm = Storm(spec.image, tmp_path, rebake_every=25, dice=random.Random(20))
    place = Store.at(storm.store).templates
    with SmolVM.of(spec, pool_on(store)) as vm:
        subprocess.run(["cp", "-a", "--sparse=always", template_of(vm, store), place], check=True)

    storm.rage(20)
    storm.calm()

    assert 20 == sum(storm.killed.values())
    assert 1 == len(list(place.iterdir()))


@pytest.mark.slow  # what dies is mostly a bake, and each takes minutes
def test_kills_while_a_template_is_baked_leave_nothing(image: Path, tmp_path: Path) -> None:
    storm = Storm(image, tmp_path, rebake_every=5, dice=random.Random(20))

    storm.rage(10)
    storm.calm()

    assert 10 == sum(storm.killed.values())


def test_a_tpm_that_is_killed_while_its_guest_is_frozen_is_not_taken_for_a_host_that_cannot_clone(
    spec: GuestSpec, own_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(own_store, hypervisor.find(own_store), Silent())
    disturbed: list[Path] = []

    @contextmanager
    def warmed(booted: Machine, *_: object) -> Iterator[bytes]:
        if not disturbed:
            subprocess.run(["pkill", "-KILL", "-f", rf"^\S*swtpm .*{booted.files.path}"], check=True)
            disturbed.append(booted.files.path)
        yield b"the host key"

    monkeypatch.setattr(warming, "warmed", warmed)
    template = baked(spec, site)

    assert 1 == len(disturbed)
    assert template == templates.find(own_store, template.key)
    assert "" == obstacles.known(own_store, site.hypervisor, spec.hardware)
    assert [template.files.path] == list(own_store.templates.iterdir())
