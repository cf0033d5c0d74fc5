"""Templates that cannot be restored."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_smolvm.errors import BootError, Unrestorable
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.machine.rundir import RunDirectory
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


def test_a_qemu_that_does_not_start_is_not_the_templates_fault(spec: GuestSpec, site: Site, placed: Placed) -> None:
    template = placed(spec)
    broken = replace(site.hypervisor, binary="/bin/false")

    with site.store.run_directory() as directory, pytest.raises(BootError, match="QEMU did not start") as caught:
        with clone(template, spec, broken, RunDirectory(directory)):
            pass

    assert not isinstance(caught.value, Unrestorable)
