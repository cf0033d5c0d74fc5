"""Nothing is left after SIGKILL; the whole storm is ``make soak``."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.pool import cloning, templates
from tests.booted.conftest import pool_on
from tests.faults import Storm


def test_twenty_kills_leave_nothing(image: Path, tmp_path: Path) -> None:
    storm = Storm(image, tmp_path, rebake_every=20, dice=random.Random(20))

    storm.rage(20)
    storm.calm()

    assert 20 == sum(storm.killed.values())


def test_a_tpm_that_is_killed_while_its_guest_is_frozen_is_not_taken_for_a_host_that_cannot_clone(
    spec: GuestSpec, own_store: Store
) -> None:
    host = pool_on(own_store).host
    disturbed: list[Path] = []

    @contextmanager
    def warm(booted: Machine, directory: Path) -> Iterator[None]:
        if not disturbed:
            subprocess.run(["pkill", "-KILL", "-f", rf"^\S*swtpm .*{directory}"], check=True)
            disturbed.append(directory)
        yield

    template = templates.ready(spec, host, own_store, Silent(), recipe="disturbed", warm=warm)

    assert template == templates.find(own_store, template.directory.name)
    assert "" == cloning.why_not(own_store, host)
    assert [template.directory] == list(own_store.templates.iterdir())
