"""From room that was granted to a guest that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
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
WAKING_SECONDS = stretched(60.0)
"""Seconds to a login."""


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
    arriving: Callable[[], AbstractContextManager[None]] = nullcontext
    """Around the first login to a guest that boots: how that fails is remembered, so that the next does not boot."""
    origin: Template | None = None
    """What it was restored from, or was frozen into last."""
    base: Path | None = None
    """The file that its memory was mapped from, of which it has the pages that it has not written to."""


@contextmanager
def running(spec: GuestSpec, site: Site, snapshot: Template | None = None) -> Iterator[RunningGuest]:
    """A guest for the length of the block; room for it was granted already.

    :param snapshot: what it is to be; None is what every guest of this spec begins with.
    :raises BootError: it does not come up.
    :raises LoginError: a clone, or the guest that is to be frozen, refuses user or password.
    :raises StoreError: the store's file system is full.
    """
    with ExitStack() as life:
        with site.store.full_disk_told():
            guest = life.enter_context(restored(snapshot, spec, site)) if snapshot else _started(spec, site, life)
        yield guest


def prepare(spec: GuestSpec, site: Site) -> None:
    """Bake the template that guests of this spec are made from, if it takes one and this host has none.

    :raises SmolVMError: as :func:`running` does.
    """
    if spec.boot == "clone":
        with suppress(CannotClone), site.store.full_disk_told(), site.failures.remembered(attempt(spec, site)):
            baked(spec, site)


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
            _used(guest),
        ):
            yield guest
        keep(guest)


@contextmanager
def entered(machine: Machine, template: Template, spec: GuestSpec) -> Iterator[RunningGuest]:
    """A clone that was just restored, once it lets us in, for the length of the block.

    :raises Unrestorable: it does not, though it did when its template was made.
    :raises BootError: its QEMU has ended.
    :raises HostKeyChanged: another server than its template's answers.
    """
    try:
        opened = login(machine, spec, min(WAKING_SECONDS, spec.boot_timeout), template.host_key)
    except (BootError, LoginError) as exc:
        if machine.child.poll() is not None:
            raise  # as when memory runs out
        log = exc.log_tail if isinstance(exc, BootError) else ""
        what = "what was restored of its snapshot" if template.copied else "a clone of its template"
        raise Unrestorable("ssh", f"{what} lets nobody in: {exc}", log) from exc
    with closing(opened) as connection:
        resident = warming.woken(template.files.endpoint, connection)
        yield RunningGuest(machine, connection, resident=resident, origin=template, base=template.memory)


def _started(spec: GuestSpec, site: Site, life: ExitStack) -> RunningGuest:
    if spec.boot == "clone":
        with suppress(CannotClone):  # who found out has said so
            return _cloned(spec, site, life)
    return life.enter_context(_cold(spec, site))


def attempt(spec: GuestSpec, site: Site) -> str:
    """Names what fails in the same way if it is tried again."""
    return f"{spec.boot} {spec.boot_timeout:g} {templates.key(spec, site.hypervisor)}"


def _cloned(spec: GuestSpec, site: Site, life: ExitStack) -> RunningGuest:
    with site.failures.remembered(attempt(spec, site)):
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
    name = attempt(spec, site)
    site.failures.check(name)
    with site.store.run_directory() as directory:
        files = RunDirectory(directory)
        with machine.cold(spec.image, spec.hardware, site.hypervisor, files, network=spec.reach) as booting:
            first_login = partial(site.failures.noted, name, unless=lambda: booting.child.poll() is not None)
            guest = RunningGuest(booting, None, arriving=first_login)
            with _used(guest):
                yield guest
        keep(guest)


@contextmanager
def _used(guest: RunningGuest) -> Iterator[None]:
    """After the block the guest's disk is thrown away, unless somebody wants to keep it."""
    try:
        yield
    finally:
        guest.machine.disposable = guest.keep is None


def keep(guest: RunningGuest) -> None:
    """Keep the run directory of a guest whose machine has ended, if somebody wants that."""
    if guest.keep is not None and guest.machine.ours:
        cloning.keep(guest.machine.files, guest.keep)
