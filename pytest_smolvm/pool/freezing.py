"""Freezing a guest that goes on: what a template is, made in the time that copying takes what the guest has changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pytest_smolvm.errors import SmolVMError, StoreError
from pytest_smolvm.guest.commands.resident import Endpoint
from pytest_smolvm.host import clock, records
from pytest_smolvm.machine import disk, memory, migration
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.pool import templates
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Template, TemplateFiles


def frozen(
    guest: RunningGuest,
    directory: Path,
    resident: Callable[[], Endpoint | None],
    *,
    final: Path | None = None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Template:
    """Make `directory` a template of what a guest is now; the guest stands still meanwhile, and then goes on.

    After a failure there is no such directory, and the guest goes on as before.

    :param resident: says which processes of the guest's resident PowerShell nobody uses; called when it stands still.
    :param final: what it will be called; None is what it is called.
    :param more: what else is to be noted in its record.
    :raises GuestDied: it has ended.
    :raises MonitorError: QEMU refuses.
    :raises StoreError: the store's file system has no hard links.
    :raises OSError: it is full.
    """
    files = TemplateFiles(directory)
    overlay = guest.machine.files.next_disk
    files.path.mkdir(mode=0o700)
    try:
        _make_blanks(guest.machine, files, TemplateFiles(final or directory), overlay)
        with guest.machine.stopped():
            _copy(guest, files, resident, more)
            guest.machine.write_to(overlay)  # at last: only this cannot be undone
    except BaseException as exc:
        if not _in_use(guest.machine, overlay):
            overlay.unlink(missing_ok=True)
            shutil.rmtree(files.path, ignore_errors=True)
        if isinstance(exc, ProcessLookupError):
            guest.machine.check()  # tells how it ended
        raise
    host_key = guest.origin.host_key if guest.origin is not None else None
    guest.origin = Template(files, templates.mark(files.path), host_key, parent=guest.origin, base=guest.base)
    return guest.origin


def _make_blanks(machine: Machine, files: TemplateFiles, final: TemplateFiles, overlay: Path) -> None:
    """The overlays of what will be frozen: for those that are restored, and for the guest that goes on."""
    disk.blank(final.disk, files.blank_disk, disk.virtual_size(machine.files.disk))
    disk.blank(final.variables, files.blank_variables, disk.virtual_size(machine.files.variables))
    shutil.copyfile(files.blank_disk, overlay)


def _copy(
    guest: RunningGuest, files: TemplateFiles, resident: Callable[[], Endpoint | None], more: Mapping[str, Any]
) -> None:
    machine = guest.machine
    migration.save(machine.monitor, files.state)  # first: what the TPM is at work on is brought to its end
    memory.save(machine, files)
    shutil.copyfile(machine.files.variables, files.variables)
    _link(machine.written_disk, files.disk)
    endpoint = resident()
    if endpoint is not None:
        records.write(files.endpoint, asdict(endpoint), mode=0o600)  # it holds the secret
    written = [file for file in files.path.iterdir() if file != files.disk]
    record = {
        "files": {file.name: templates.fingerprint(file) for file in written},
        "created": clock.utc(),
        "host_key": (guest.origin.host_key or b"").hex() if guest.origin else "",
        "parent": os.fspath(guest.origin.files.path) if guest.origin else "",
        "parent_identity": guest.origin.identity if guest.origin else "",
        "base": os.fspath(guest.base) if guest.base else "",
        **more,
    }
    records.write(files.record, record, mode=0o600)


def _link(disk_now: Path, frozen_disk: Path) -> None:
    # Under both names: QEMU opens it by the first again, and the guest's run directory goes before this one.
    try:
        os.link(disk_now, frozen_disk)
    except PermissionError as exc:
        raise StoreError(f"snapshots need hard links, and the file system of {frozen_disk} has none") from exc


def _in_use(machine: Machine, overlay: Path) -> bool:
    """Whether the guest writes to the overlay, as when an interrupt came while QEMU was asked to let it."""
    with suppress(SmolVMError, OSError):  # it has ended
        return machine.written_disk == overlay
    return False
