"""Baking: a golden image is booted, warmed and frozen, once per host."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from functools import partial
from typing import Any

from pytest_smolvm.errors import CannotClone, MigrationFailed, MonitorError, NoDesktop
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import clock, records
from pytest_smolvm.host.progress import phase
from pytest_smolvm.machine import disk, machine, migration
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.network import HOST, OPEN, network
from pytest_smolvm.pool import obstacles, once, sight, templates, warming
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.templates import Shape, Template, TemplateFiles


class _Disturbed(CannotClone):
    """QEMU began to freeze a guest, and stopped."""


def baked(spec: GuestSpec, site: Site, instead_of: Template | None = None) -> Template:
    """The template for `spec`, baked first if this host has none; by one process, the others wait for it.

    :param instead_of: one that could not be restored. It is removed, unless somebody has baked another since.
    :raises BootError: the golden image does not come up.
    :raises LoginError: it refuses user or password.
    :raises CannotClone: this host's QEMU cannot do it.
    :raises StoreError: the store's file system is full.
    """
    name = templates.key(spec, site.hypervisor)
    make = partial(_baked_if_possible, spec, site, name)
    waiting = partial(_wait_told, spec, site)
    return once.made(name, site, make, while_waiting=waiting, instead_of=instead_of, run=site.run)


def _baked_if_possible(spec: GuestSpec, site: Site, name: str) -> Template:
    if known := obstacles.known(site.store, site.hypervisor, spec.hardware):
        raise CannotClone(known)
    try:
        with phase(site.progress, f"baking {_called(spec)}, once for this host"):
            with suppress(_Disturbed):
                return _bake(spec, site, name)
            # As by somebody who kills a TPM. What never works stops a second time.
            return _bake(spec, site, name)
    except CannotClone as exc:
        obstacles.record(site.store, site.hypervisor, spec.hardware, str(exc))
        site.progress.note(f"guests cannot be cloned here, so they are booted cold from now on: {exc}")
        raise


def _bake(spec: GuestSpec, site: Site, name: str) -> Template:
    started, identity = clock.now(), disk.identity(spec.image)
    final = TemplateFiles(site.store.templates / name)
    with once.aside(final.path, site.store) as place, site.store.full_disk_told():
        aside = TemplateFiles(place)
        aside.path.mkdir(mode=0o700)
        host_key = _freeze(spec, site, aside)
        _tidy(aside)
        templates.make_blanks(aside, final)
        about = {"identity": identity, "host_key": host_key.hex(), "seconds": round(clock.now() - started, 3)}
        _record(aside, spec, site, about)
    return Template(final, templates.mark(final.path), host_key)


def _freeze(spec: GuestSpec, site: Site, files: TemplateFiles) -> bytes:
    """Leave in `files` what a warmed guest consists of.

    :returns: its SSH server's public key.
    :raises CannotClone: QEMU will not, or stopped in the middle.
    """
    # Not what the clone may reach that is waited for: a template is everybody's, and Windows remembers what it saw.
    reach = spec.reach if spec.network == HOST else network(OPEN)
    with (
        machine.cold(
            spec.image, spec.hardware, site.hypervisor, files, network=reach, memory_file=files.memory
        ) as booted,
        _shown(booted, spec, site),
        warming.warmed(booted, spec, files.endpoint, site.progress) as host_key,
    ):
        try:
            migration.freeze(booted.monitor, files.state)
        except MigrationFailed as exc:
            raise _Disturbed(str(exc)) from exc
        except MonitorError as exc:
            raise CannotClone(str(exc)) from exc
    return host_key


@contextmanager
def _shown(booted: Machine, spec: GuestSpec, site: Site) -> Iterator[None]:
    """Where the desktop cannot be reached in the block, the error names a picture of what was on the screen."""
    try:
        yield
    except NoDesktop as exc:
        raise type(exc)(f"{exc}{sight.kept(booted, site.store, f'template-{spec.image.name}')}") from exc


def _tidy(files: TemplateFiles) -> None:
    shutil.rmtree(files.tpm)
    for log in files.logs:
        log.unlink(missing_ok=True)
    for file in (files.memory, files.disk, files.variables, files.state):
        # QEMU maps RAM so that nothing is written back, but opens its file for writing.
        file.chmod(0o600 if file == files.memory else 0o400)


def _record(files: TemplateFiles, spec: GuestSpec, site: Site, about: dict[str, Any]) -> None:
    record = {
        "files": {file.name: templates.fingerprint(file) for file in files.path.iterdir()},
        "image": os.fspath(spec.image),
        "memory": spec.memory,
        "cpus": spec.cpus,
        "shape": asdict(Shape.of(spec)),
        "host": str(site.hypervisor),
        "created": clock.utc(),
        **about,
    }
    records.write(files.record, record, mode=0o600, durable=True)


def _wait_told(spec: GuestSpec, site: Site, who: str) -> AbstractContextManager[None]:
    return phase(site.progress, f"waiting for {who} to bake {_called(spec)}")


def _called(spec: GuestSpec) -> str:
    return f"the template of {spec.image.name}"
