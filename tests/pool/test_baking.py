"""Templates that cannot be made or kept; QEMU is a script on a socket pair."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import BootError, CannotClone, StoreError
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.pool import obstacles, templates, warming
from pytest_smolvm.pool.baking import baked
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.templates import Template
from tests.machine.scripted import FAILED, REFUSED, Answers, machine

Placed = Callable[[GuestSpec], Template]


def boots(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> list[Path]:
    """Golden images boot into `outcome`, or raise it; the directories they were booted in are listed."""
    booted: list[Path] = []

    @contextmanager
    def cold(_image: Path, _hardware: object, _hypervisor: object, files: Any, **_: object) -> Iterator[Any]:
        booted.append(files.path)
        if isinstance(outcome, Exception):
            raise outcome
        yield outcome

    @contextmanager
    def warmed(*_: object) -> Iterator[None]:
        yield

    monkeypatch.setattr("pytest_smolvm.machine.machine.cold", cold)
    monkeypatch.setattr(warming, "warmed", warmed)
    return booted


@pytest.mark.parametrize(
    ("answers", "why", "tries"),
    [
        ({"migrate": REFUSED}, "refused migrate: State blocked", 1),
        ({"migrate_set_capabilities": REFUSED}, "refused migrate-set-capabilities: State blocked", 1),
        (
            {"migrate": FAILED, "query_migrate": [{"return": {"error-desc": "Broken pipe"}}]},
            "refused migrate: Broken pipe",
            2,
        ),
        ({"migrate": FAILED}, "does not say why", 2),
    ],
)
def test_a_qemu_that_cannot_freeze_is_not_asked_again(
    answers: Answers,
    why: str,
    tries: int,
    spec: GuestSpec,
    site: Site,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with machine(**answers) as booting:
        booted = boots(monkeypatch, booting)
        for _ in range(2):
            with pytest.raises(CannotClone, match=why):
                baked(spec, site)

    assert tries == len(booted)
    assert 1 == sum("cannot be cloned here" in line for line in said)
    assert why in obstacles.known(site.store, site.hypervisor)
    assert [] == list(site.store.templates.iterdir())


def test_a_full_disk_is_not_taken_for_a_host_that_cannot_clone(
    spec: GuestSpec, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with machine(migrate=FAILED) as booting:
        boots(monkeypatch, booting)
        with pytest.raises(StoreError, match=f"store {site.store.root} is full; pytest-smolvm prune"):
            baked(spec, site)

    assert "" == obstacles.known(site.store, site.hypervisor)
    assert [] == list(site.store.templates.iterdir())


def test_a_template_that_could_not_be_restored_is_baked_anew(
    spec: GuestSpec, site: Site, placed: Placed, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = placed(spec)
    booted = boots(monkeypatch, BootError("disk", "nothing to boot"))

    with pytest.raises(BootError, match="nothing to boot"):
        baked(spec, site, instead_of=failed)

    assert 1 == len(booted)
    assert [] == list(site.store.templates.iterdir())


def test_one_that_somebody_else_has_baked_since_is_not_removed(
    spec: GuestSpec, site: Site, placed: Placed, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = placed(spec)
    templates.discard(site.store, failed.key)
    other = placed(spec)
    booted = boots(monkeypatch, BootError("disk", "nothing to boot"))

    assert other == baked(spec, site, instead_of=failed)
    assert other != failed
    assert not booted
