"""Templates that cannot be made or kept; QEMU is a script on a socket pair."""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import BootError, CannotClone, LoginError, NoDesktop, StoreError
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.waiting import until
from pytest_smolvm.machine.display import Display
from pytest_smolvm.pool import obstacles, starting, templates, warming
from pytest_smolvm.pool.baking import baked
from pytest_smolvm.pool.failures import Failures
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.starting import running
from pytest_smolvm.pool.templates import Template
from tests.machine.scripted import FAILED, REFUSED, Answers, machine

Placed = Callable[[GuestSpec], Template]


def boots(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> list[Path]:
    """Golden images boot into `outcome`, or raise it; the directories they were booted in are listed."""
    booted: list[Path] = []

    @contextmanager
    def cold(_image: Path, _hardware: object, _hypervisor: object, files: Any, **_: object) -> Iterator[Any]:
        booted.append(files.path)
        if isinstance(outcome, BaseException):
            raise outcome
        yield outcome

    @contextmanager
    def warmed(*_: object) -> Iterator[bytes]:
        yield b"the host key"

    monkeypatch.setattr("pytest_smolvm.machine.machine.cold", cold)
    monkeypatch.setattr(warming, "warmed", warmed)
    return booted


@contextmanager
def unreachable(*given: object) -> Iterator[bytes]:
    """A guest that is warmed, and whose desktop is out of reach."""
    if given:
        raise NoDesktop("nobody is logged on")
    yield b""


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
    assert why in obstacles.known(site.store, site.hypervisor, spec.hardware)
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

    assert "" == obstacles.known(site.store, site.hypervisor, spec.hardware)
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


def test_a_desktop_that_is_out_of_reach_leaves_a_picture_and_costs_one_boot_a_run(
    spec: GuestSpec, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    with machine(asked=asked) as booting:
        booting.display = Display(booting.monitor, tmp_path)
        booted = boots(monkeypatch, booting)
        monkeypatch.setattr(warming, "warmed", unreachable)
        for _ in range(2):
            with pytest.raises(NoDesktop, match=r"nobody is logged on \(the guest's screen: \S+/last.png\)$"):
                starting.prepare(spec, site)

    (picture,) = [each["arguments"]["filename"] for each in asked if each["execute"] == "screendump"]
    assert str(site.store.kept / f"template-{spec.image.name}" / "last.png") == picture
    assert 1 == len(booted)


BOOT = BootError("system", "never up")


@pytest.mark.parametrize("error", [BOOT, LoginError("refused to log in 'smolvm'")])
def test_an_image_that_does_not_come_up_costs_one_boot_a_run(
    spec: GuestSpec, site: Site, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    booted = boots(monkeypatch, error)

    for _ in range(5):
        with pytest.raises(type(error), match=re.escape(str(error))), running(spec, site):
            pass
    assert 1 == len(booted)

    with pytest.raises(type(error)), running(spec.having(ssh_password="another"), site):
        pass
    assert 2 == len(booted)
    with pytest.raises(type(error)), running(spec, replace(site, failures=Failures())):  # another run
        pass
    assert 3 == len(booted)


@pytest.mark.parametrize("error", [BOOT, LoginError("refused to log in 'smolvm'"), NoDesktop("nobody is logged on")])
def test_it_costs_one_boot_for_all_workers_of_a_run(
    spec: GuestSpec, site: Site, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    booted = boots(monkeypatch, error)

    for run in ("this", "this", "another", "another"):
        with (
            pytest.raises(type(error), match=re.escape(str(error))),
            running(spec, replace(site, failures=Failures(), run=run)),
        ):
            pass

    assert 2 == len(booted)


@pytest.mark.parametrize("error", [StoreError("full"), BootError("process", "QEMU did not start"), KeyboardInterrupt()])
def test_what_may_pass_is_tried_again(
    spec: GuestSpec, site: Site, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    booted = boots(monkeypatch, error)

    for _ in range(2):
        with pytest.raises(type(error)), running(spec, site):
            pass

    assert 2 == len(booted)


def test_those_who_wait_for_a_bake_that_fails_fail_with_it(
    spec: GuestSpec, site: Site, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the workers of a run do, each of which has a pool of its own."""
    baking, failing = threading.Event(), threading.Event()
    booted: list[Path] = []

    def cold(_image: Path, _hardware: object, _hypervisor: object, files: Any, **_: object) -> Any:
        booted.append(files.path)
        baking.set()
        assert failing.wait(10)
        raise BOOT

    monkeypatch.setattr("pytest_smolvm.machine.machine.cold", cold)
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            with running(spec, replace(site, failures=Failures())):
                pass
        except BaseException as exc:  # noqa: BLE001 - looked at below
            errors.append(exc)

    workers = [threading.Thread(target=ask) for _ in range(3)]
    for worker in workers:
        worker.start()
    assert baking.wait(10)
    until("two that wait", lambda: sum("waiting for" in line for line in said) == 2, timeout=10)
    failing.set()
    for worker in workers:
        worker.join(20)

    assert 1 == len(booted)
    assert [BOOT.args] * 3 == [error.args for error in errors]
    with pytest.raises(BootError), running(spec, replace(site, failures=Failures())):
        pass  # whoever comes later tries anew
    assert 2 == len(booted)
