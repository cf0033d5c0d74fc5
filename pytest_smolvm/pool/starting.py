"""From room that was granted to a guest that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import BootError, CannotClone, LoginError, Unrestorable
from pytest_smolvm.guest.commands.resident import Resident
from pytest_smolvm.guest.link.arrival import login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.machine import machine
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import cloning, templates, warming
from pytest_smolvm.pool.baking import baked
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.templates import Template

# A clone need not boot, only go on. On a busy host its network takes some seconds.
_WAKING_SECONDS = stretched(60.0)


@dataclass
class RunningGuest:
    """A machine somebody may use now."""

    machine: Machine
    ssh: Ssh | None
    """An open connection, if the guest comes with one."""
    keep: Path | None = None
    """Where its disk and logs go when it ends; None throws them away."""
    resident: Resident | None = None
    """Its resident PowerShell, if it came with one."""


@contextmanager
def running(spec: GuestSpec, site: Site) -> Iterator[RunningGuest]:
    """A guest for the length of the block; room for it was granted already.

    :raises BootError: it does not come up.
    :raises LoginError: a clone, or the guest that is to be frozen, refuses user or password.
    :raises StoreError: the store's file system is full.
    """
    with ExitStack() as life:
        with site.store.full_disk_told():
            guest = _started(spec, site, life)
        yield guest


@contextmanager
def restored(template: Template, spec: GuestSpec, site: Site) -> Iterator[RunningGuest]:
    """A clone of `template` that lets us in, for the length of the block.

    :raises Unrestorable: the template is damaged, or was removed meanwhile.
    :raises BootError: the clone does not come up.
    """
    with site.store.run_directory() as directory:
        with (
            cloning.clone(template, spec, site.hypervisor, RunDirectory(directory)) as machine,
            entered(machine, template, spec) as guest,
        ):
            yield guest
        keep(guest)


@contextmanager
def entered(machine: Machine, template: Template, spec: GuestSpec) -> Iterator[RunningGuest]:
    """A clone that was just restored, once it lets us in, for the length of the block.

    :raises Unrestorable: it does not, though it did when its template was made.
    :raises BootError: its QEMU has ended.
    """
    try:
        opened = login(machine, spec, min(_WAKING_SECONDS, spec.boot_timeout))
    except (BootError, LoginError) as exc:
        if machine.child.poll() is not None:
            raise  # as when memory runs out
        log = exc.log_tail if isinstance(exc, BootError) else ""
        raise Unrestorable("ssh", f"a clone of its template lets nobody in: {exc}", log) from exc
    with closing(opened) as connection:
        yield RunningGuest(machine, connection, resident=warming.woken(template.files.endpoint, connection))


def _started(spec: GuestSpec, site: Site, life: ExitStack) -> RunningGuest:
    if spec.boot == "clone":
        with suppress(CannotClone):  # who found out has said so
            return _cloned(spec, site, life)
    return life.enter_context(_cold(spec, site))


def _cloned(spec: GuestSpec, site: Site, life: ExitStack) -> RunningGuest:
    with site.failures.remembered(templates.key(spec, site.hypervisor)):
        return _restored_or_rebaked(spec, site, life)


def _restored_or_rebaked(spec: GuestSpec, site: Site, life: ExitStack) -> RunningGuest:
    template = baked(spec, site)
    with suppress(Unrestorable):  # perhaps it was disturbed, as by somebody who kills a TPM
        return life.enter_context(restored(template, spec, site))
    try:
        return life.enter_context(restored(template, spec, site))
    except Unrestorable as exc:
        # Damaged in a way its record does not show: make it anew, once.
        site.progress.note(f"the template of {spec.image.name} cannot be used, making another one: {exc}")
    return life.enter_context(restored(baked(spec, site, instead_of=template), spec, site))


@contextmanager
def _cold(spec: GuestSpec, site: Site) -> Iterator[RunningGuest]:
    with site.store.run_directory() as directory:
        with machine.cold(spec.image, spec.hardware, site.hypervisor, RunDirectory(directory)) as booting:
            guest = RunningGuest(booting, None)
            yield guest
        keep(guest)


def keep(guest: RunningGuest) -> None:
    """Keep the run directory of a guest whose machine has ended, if somebody wants that."""
    if guest.keep is not None:
        cloning.keep(guest.machine.files, guest.keep)
