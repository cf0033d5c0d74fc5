"""Clones: templates that are restored."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from pytest_smolvm.errors import BootError, GuestDied, SmolVMError, TimedOut, Unrestorable
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import programs, use
from pytest_smolvm.host.store import note_use
from pytest_smolvm.machine import disk, machine, memory, migration
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool.templates import Template

# For a QEMU that has closed its monitor to be gone.
_END_SECONDS = 3.0


@contextmanager
def clone(template: Template, spec: GuestSpec, hypervisor: Hypervisor, files: RunDirectory) -> Iterator[Machine]:
    """A guest restored from `template`, running, for the length of the block.

    :param files: an empty run directory.
    :raises Unrestorable: the template is damaged, or was removed meanwhile.
    :raises BootError: QEMU does not start.
    """
    config = hypervisor.config(
        spec.hardware, files.disk, memory_file=template.memory, restored=True, devices_only=template.copied
    )
    with ExitStack() as stack:
        stack.enter_context(use.held(*(older.files.state for older in template.lineage)))
        try:
            # A blank overlay is the same bytes each time; copying one saves two runs of qemu-img.
            shutil.copyfile(template.files.blank_disk, files.disk)
            shutil.copyfile(template.files.blank_variables, files.variables)
            _share(template, files)
            restored = stack.enter_context(machine.launched(config, files, network=spec.reach))
        except (BootError, FileNotFoundError) as exc:
            if template.intact:
                raise  # it is not the template's fault
            raise Unrestorable("process", "the template is damaged, or was removed meanwhile") from exc
        try:
            _load(restored, template)
        except (SmolVMError, OSError) as exc:
            if why := _hosts_fault(restored, exc):
                raise BootError("process", f"the template was not restored: {why}", restored.log_tail) from exc
            raise Unrestorable("process", "the template could not be restored", restored.log_tail) from exc
        yield restored


def keep(files: RunDirectory, place: Path) -> None:
    """Move the run directory of a machine that has ended to `place`, such that its disk can be read from then on.

    A clone's disk says only what differs from its template's, which goes some day, and from snapshots, which go soon.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    written = files.written_disk
    for overlay in (written, files.variables):
        _leave_snapshots(overlay, files.path.parent)
    files.path.rename(place)
    if written != files.disk:
        (place / written.name).rename(RunDirectory(place).disk)
    for overlay, base in RunDirectory(place).bases.items():
        if base.exists():
            disk.rebase(overlay, base)


def _load(restored: Machine, template: Template) -> None:
    """Bring a machine into the template's state, and let it go on."""
    if not template.copied:
        migration.load(restored.monitor, template.files.state)
        return
    if template.base is not None:
        memory.fill_ram(restored, template.files)  # first, since devices look at it when they are loaded
    migration.load(
        restored.monitor, template.files.state, before_it_goes_on=partial(memory.fill_devices, restored, template.files)
    )


def _leave_snapshots(overlay: Path, runs: Path) -> None:
    """Merge what an overlay is based on into it, as far as that lies among the run directories."""
    if overlay.exists() and runs in disk.base(overlay).parents:
        below = next(path for path in disk.bases(overlay) if runs not in path.parents)
        disk.merge(overlay, below)


def _hosts_fault(restored: Machine, exc: Exception) -> str:
    """What of this host kept a template from being restored; empty if it is the template's own fault."""
    if isinstance(exc, TimedOut):
        return f"{exc}; is this host overloaded?"
    ends = isinstance(exc, (GuestDied, ProcessLookupError))
    programs.await_end(restored.child, _END_SECONDS if ends else 0.0)
    if restored.child.poll() == -signal.SIGKILL:
        return "somebody killed QEMU, perhaps the kernel for want of memory"
    return ""


def _share(template: Template, files: RunDirectory) -> None:
    """Note that all of a lineage is used, and hold what a clone's overlays are based on, in the end."""
    root = template.root
    for older in template.lineage:
        note_use(older.files.state)
    for overlay, base in files.bases.items():
        if not root.copied:
            with suppress(PermissionError, NotImplementedError):  # a file system without links: then it can be lost
                os.link(root.files.path / overlay.name, base)
