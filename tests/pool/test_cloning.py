"""Templates that cannot be restored."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.errors import BootError, GuestDied, TimedOut, Unrestorable
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.machine import disk, machine, migration
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import cloning, templates
from pytest_smolvm.pool.cloning import clone
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.templates import Template

Placed = Callable[[GuestSpec], Template]


def test_a_template_that_was_removed_meanwhile_cannot_be_restored(spec: GuestSpec, site: Site, placed: Placed) -> None:
    template = placed(spec)
    shutil.rmtree(template.files.path)

    with site.store.run_directory() as directory, pytest.raises(Unrestorable, match="removed meanwhile"):
        with clone(template, spec, site.hypervisor, RunDirectory(directory)):
            pass


@pytest.fixture(name="whole")
def _whole(spec: GuestSpec, placed: Placed, qemu: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> Template:
    """A template of real disks; what is restored from it is no machine."""

    @contextmanager
    def launched(_config: object, files: RunDirectory, **_: object) -> Iterator[Any]:
        yield SimpleNamespace(monitor=None, files=files, child=qemu, log_tail="")

    monkeypatch.setattr(machine, "launched", launched)
    monkeypatch.setattr(migration, "load", nothing)
    template = placed(spec)
    files = template.files
    for file, blank in ((files.disk, files.blank_disk), (files.variables, files.blank_variables)):
        disk.overlay(spec.image, file)
        disk.blank(file, blank, 2**20)
    return replace(template, mark=templates.mark(files.path))


@pytest.mark.parametrize("when", ["running", "kept"])
def test_a_kept_disk_can_be_read_when_its_template_is_gone(
    spec: GuestSpec, site: Site, whole: Template, when: str
) -> None:
    kept = site.store.kept / "test" / "guest"
    with site.store.run_directory() as directory:
        files = RunDirectory(directory)
        with clone(whole, spec, site.hypervisor, files):
            if when == "running":
                templates.discard(site.store, whole.key)
        cloning.keep(files, kept)

    templates.discard(site.store, whole.key)
    moved = kept.rename(site.store.kept / "moved")

    assert disk.inspect(RunDirectory(moved).disk).virtual_size == 2**20
    assert disk.inspect(RunDirectory(moved).variables).virtual_size == 2**20


def test_use_of_a_template_is_noted_by_us(spec: GuestSpec, site: Site, whole: Template) -> None:
    """Whatever the file system notes: `noatime` is common."""
    os.utime(whole.files.state, (1e9, 1e9))

    with site.store.run_directory() as directory, clone(whole, spec, site.hypervisor, RunDirectory(directory)):
        pass

    assert time.time() - templates.last_used(whole) < 60
    assert whole.files.state.stat().st_mtime == 1e9
    assert templates.at(whole.files.path) == whole


def test_a_qemu_that_does_not_start_is_not_the_templates_fault(spec: GuestSpec, site: Site, placed: Placed) -> None:
    template = placed(spec)
    broken = replace(site.hypervisor, binary="/bin/false")

    with site.store.run_directory() as directory, pytest.raises(BootError, match="QEMU did not start") as caught:
        with clone(template, spec, broken, RunDirectory(directory)):
            pass

    assert not isinstance(caught.value, Unrestorable)


@pytest.mark.parametrize(
    ("kill", "error", "blamed"),
    [
        (signal.SIGKILL, GuestDied("QEMU ended"), "for want of memory"),
        (None, TimedOut("an answer of QEMU's monitor", 60), "overloaded"),
        (signal.SIGABRT, GuestDied("QEMU ended"), ""),
    ],
)
def test_what_the_host_does_to_a_clone_is_not_the_templates_fault(
    spec: GuestSpec,
    site: Site,
    whole: Template,
    qemu: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
    kill: signal.Signals | None,
    error: Exception,
    blamed: str,
) -> None:
    """It would be baked again, by a host that has too much to do already."""

    def load(*_: object) -> None:
        if kill is not None:
            qemu.send_signal(kill)
        raise error

    monkeypatch.setattr(migration, "load", load)
    with site.store.run_directory() as directory, pytest.raises(BootError, match=blamed) as caught:
        with clone(whole, spec, site.hypervisor, RunDirectory(directory)):
            pass

    assert bool(blamed) != isinstance(caught.value, Unrestorable)


ELSEWHERE = ("unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-m", "pytest_smolvm.cli.main")


def pruned_in_another_container(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    """What ``pytest-smolvm prune`` does where processes of this container cannot be seen."""
    command = [*ELSEWHERE, "--store", str(site.store.root), "prune", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="a namespace needs root")
def test_what_guests_use_stays_whatever_is_pruned_in_another_container(
    spec: GuestSpec, site: Site, whole: Template
) -> None:
    with site.store.run_directory() as directory:
        with clone(whole, spec, site.hypervisor, RunDirectory(directory)):
            assert "0 removed" in pruned_in_another_container(site, "--all").stdout
            refused = pruned_in_another_container(site, whole.key).stderr
            assert f"template ({whole.key}) is used by guests of another container" in refused

    assert f"removed template ({whole.key})" in pruned_in_another_container(site, "--all").stdout
