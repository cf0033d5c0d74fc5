"""Templates: a golden image booted once and frozen, and the clones restored from it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import BootError, CannotClone, MonitorError, SmolVMError, StoreError, Unrestorable
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.locks import exclusive
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import disk, firmware, machine
from pytest_smolvm.machine.hypervisor import Host
from pytest_smolvm.machine.machine import Machine, Parts
from pytest_smolvm.pool import cloning

# Part of every key: a template made by other steps is another template.
_RECIPE = 1
_RECORD = "record.json"
# Brings a booted guest into the state to freeze, in which it stays for the length of the block.
Warm = Callable[[Machine, Path], AbstractContextManager[object]]
_MEMORY = "memory"
_FROZEN = (_MEMORY, "disk.qcow2", "variables.qcow2", "state")
_BLANK = "blank-"
_SAVE_SECONDS = 120.0
_RESTORE_SECONDS = 60.0
_FULL = (errno.ENOSPC, errno.EDQUOT)
# A store with less room than this is full: a guest's devices alone take some five MiB.
_ROOM_BYTES = 16 * 2**20


class _Disturbed(CannotClone):
    """QEMU began to freeze a guest, and stopped."""


@dataclass(frozen=True)
class Template:
    """A frozen guest on disk."""

    directory: Path
    mark: tuple[int, int]
    """Tells it from another that was baked in its place."""

    @property
    def memory(self) -> Path:
        """Its RAM."""
        return self.directory / _MEMORY

    @property
    def state(self) -> Path:
        """Its devices, TPM included."""
        return self.directory / "state"

    @property
    def record(self) -> dict[str, Any]:
        """What was noted when it was made."""
        noted: dict[str, Any] = json.loads((self.directory / _RECORD).read_text(encoding="utf-8"))
        return noted


def key(spec: GuestSpec, host: Host, recipe: str) -> str:
    """Names the template for these wants: a digest of everything that shapes it."""
    shape = {
        "recipe": [_RECIPE, recipe],
        "image": disk.identity(spec.image),
        "host": host.identity,
        "firmware": firmware.find(secure_boot=spec.secure_boot).identity,
        "machine": asdict(spec.hardware),
        # Whose session is frozen into it. The password is not part of what is frozen, but only its owner may clone.
        "account": [spec.ssh_user, hashlib.sha256(spec.ssh_password.encode()).hexdigest()],
    }
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:32]


def find(store: Store, name: str) -> Template | None:
    """The template called `name` if it is there, whole and unchanged."""
    return _look(store.templates / name)


def ready(
    spec: GuestSpec,
    host: Host,
    store: Store,
    progress: Progress,
    *,
    recipe: str,
    warm: Warm,
    instead_of: Template | None = None,
) -> Template:
    """The template for `spec`, baked first if this host has none; by one process, the others wait for it.

    :param warm: brings the booted guest into the state that is to be frozen, and may leave files with the template.
    :param recipe: changes when `warm` does something else.
    :param instead_of: one that could not be restored. It is removed, unless somebody has baked another since.
    :raises BootError: the golden image does not come up.
    :raises CannotClone: this host's QEMU cannot do it.
    :raises StoreError: the store's file system is full.
    """
    name = key(spec, host, recipe)
    template = find(store, name)
    if template is not None and template != instead_of:
        return template
    what = f"the template of {spec.image.name}"
    with exclusive(
        store.lock(f"template-{name}"), while_waiting=lambda who: phase(progress, f"waiting for {who} to bake {what}")
    ):
        template = find(store, name)  # the one we waited for
        if template is None or template == instead_of:
            discard(store, name)
            if known := cloning.why_not(store, host):
                raise CannotClone(known)
            try:
                with phase(progress, f"baking {what}, once for this host"):
                    template = _bake_again_if_disturbed(spec, host, store, name, warm)
            except CannotClone as exc:
                cloning.remember(store, host, str(exc))
                progress.note(f"guests cannot be cloned here, so they are booted cold from now on: {exc}")
                raise
        return template


def discard(store: Store, name: str) -> None:
    """Remove a template; clones of it that live go on, since they hold its files open."""
    doomed = store.aside(store.templates / name)
    try:
        (store.templates / name).rename(doomed)
    except FileNotFoundError:
        return
    shutil.rmtree(doomed, ignore_errors=True)


@contextmanager
def clone(template: Template, spec: GuestSpec, host: Host, directory: Path) -> Iterator[Machine]:
    """A guest restored from `template`, running.

    :raises Unrestorable: the template is damaged, or was removed meanwhile.
    :raises BootError: QEMU does not start.
    """
    parts = Parts(
        directory=directory,
        disk=directory / "disk.qcow2",
        variables=directory / "variables.qcow2",
        memory_file=template.memory,
        memory_private=True,
        restored=True,
    )
    with ExitStack() as stack:
        try:
            # A blank overlay is the same bytes each time; copying one saves two runs of qemu-img.
            for file in (parts.disk, parts.variables):
                shutil.copyfile(template.directory / f"{_BLANK}{file.name}", file)
            restored = stack.enter_context(machine.launched(spec.hardware, host, parts))
        except (BootError, FileNotFoundError) as exc:
            if _look(template.directory) == template:
                raise  # it is not the template's fault
            raise Unrestorable("process", "the template is damaged, or was removed meanwhile") from exc
        _wake(restored, template)
        yield restored


@contextmanager
def full_disk_told(store: Store) -> Iterator[None]:
    """What fails in the block because the store's file system is full says so.

    :raises StoreError: that is why it failed.
    """
    try:
        yield
    except StoreError:
        raise
    except (OSError, SmolVMError) as exc:
        if getattr(exc, "errno", None) not in _FULL and _has_room(store):
            raise
        raise StoreError(
            f"the file system of the store {store.root} is full; pytest-smolvm prune removes what nobody uses "
            "(with --all, also what was used recently), or choose another place with --smolvm-store"
        ) from exc


def _has_room(store: Store) -> bool:
    try:
        with tempfile.TemporaryFile(dir=store.root) as probe:
            os.posix_fallocate(probe.fileno(), 0, _ROOM_BYTES)
    except OSError as exc:
        return exc.errno not in _FULL
    return True


def _look(directory: Path) -> Template | None:
    try:
        template = Template(directory, _mark(directory))
        expected = template.record["files"]
        intact = all(_fingerprint(directory / file) == known for file, known in expected.items())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return template if intact else None


def _mark(directory: Path) -> tuple[int, int]:
    stat = directory.stat()
    return stat.st_ino, stat.st_mtime_ns


def _wake(restored: Machine, template: Template) -> None:
    try:
        _without_ram(restored)
        restored.monitor.execute("migrate-incoming", uri=f"exec:cat {shlex.quote(os.fspath(template.state))}")
        _await_migration(restored, _RESTORE_SECONDS)
        restored.monitor.execute("cont")  # it was frozen paused, and wakes so
    except SmolVMError as exc:
        raise Unrestorable("process", "the template could not be restored", restored.log_tail) from exc


def _bake_again_if_disturbed(spec: GuestSpec, host: Host, store: Store, name: str, warm: Warm) -> Template:
    """As `_bake`. What stopped in the middle may have been disturbed, as by somebody who kills a TPM; what never works stops twice."""
    with suppress(_Disturbed):
        return _bake(spec, host, store, name, warm)
    return _bake(spec, host, store, name, warm)


def _bake(spec: GuestSpec, host: Host, store: Store, name: str, warm: Warm) -> Template:
    started = time.monotonic()
    final = store.templates / name
    aside = store.aside(final)
    aside.mkdir(mode=0o700)
    try:
        with full_disk_told(store):
            with machine.cold(spec.image, spec.hardware, host, aside, memory_file=aside / _MEMORY) as booted:
                with warm(booted, aside):
                    _freeze(booted, aside / "state")
            _tidy(aside)
            _make_blanks(aside, final)
            _note(aside, spec, host, time.monotonic() - started)
            aside.rename(final)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return Template(final, _mark(final))


def _freeze(booted: Machine, state: Path) -> None:
    """Stop the guest and write its devices' state.

    :raises CannotClone: QEMU will not, or stopped in the middle.
    """
    monitor = booted.monitor
    monitor.execute("stop")
    try:
        _without_ram(booted)
        monitor.execute("migrate", uri=f"exec:cat > {shlex.quote(os.fspath(state))}")
    except MonitorError as exc:
        raise CannotClone(str(exc)) from exc
    try:
        _await_migration(booted, _SAVE_SECONDS)
    except MonitorError as exc:
        raise _Disturbed(str(exc)) from exc


def _await_migration(moving: Machine, timeout: float) -> None:
    while True:
        status = moving.monitor.wait("MIGRATION", timeout=timeout)["data"]["status"]
        if status == "completed":
            return
        if status == "failed":
            why = moving.monitor.execute("query-migrate").get("error-desc", "it failed, and QEMU does not say why")
            raise MonitorError("migrate", why)


def _without_ram(running: Machine) -> None:
    """RAM is in a file that both sides map; the stream has only the devices (QEMU's vm-templating)."""
    wanted = [{"capability": name, "state": True} for name in ("x-ignore-shared", "events")]
    running.monitor.execute("migrate-set-capabilities", capabilities=wanted)


def _tidy(directory: Path) -> None:
    shutil.rmtree(directory / "tpm")
    for log in directory.glob("*.log"):
        log.unlink()
    for file in _FROZEN:
        # On disk before the record says so: a power cut must not leave a template that only looks whole.
        with open(directory / file, "rb") as frozen:
            os.fsync(frozen.fileno())
        # QEMU maps RAM so that nothing is written back, but opens its file for writing.
        (directory / file).chmod(0o600 if file == _MEMORY else 0o400)


def _make_blanks(directory: Path, final: Path) -> None:
    for name in ("disk.qcow2", "variables.qcow2"):
        disk.blank(final / name, directory / f"{_BLANK}{name}", disk.virtual_size(directory / name))


def _note(directory: Path, spec: GuestSpec, host: Host, seconds: float) -> None:
    files = {file.name: _fingerprint(file) for file in directory.iterdir()}
    record = {
        "files": files,
        "image": os.fspath(spec.image),
        "memory": spec.memory,
        "cpus": spec.cpus,
        "host": str(host),
    }
    record |= {"created": time.time(), "seconds": round(seconds, 3)}
    with open(directory / _RECORD, "w", encoding="utf-8") as out:
        json.dump(record, out)
        out.flush()
        os.fsync(out.fileno())


def _fingerprint(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]
