"""The whole way from a disk that somebody has to a sealed golden image."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import BuildError, StoreError
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.windows import evidence, place, provenance, seal
from pytest_smolvm.images.windows.foreign import archive, conversion, formats, system
from pytest_smolvm.images.windows.foreign.bare import BareSystem
from pytest_smolvm.images.windows.foreign.first_start import FirstStart
from pytest_smolvm.images.windows.foreign.plan import Plan, is_public, plan
from pytest_smolvm.images.windows.foreign.proof import Proven, proven
from pytest_smolvm.images.windows.foreign.system import System
from pytest_smolvm.images.windows.foreign.wish import Wish
from pytest_smolvm.machine import disk, hypervisor
from pytest_smolvm.machine.hypervisor import Hypervisor

_TELLING = ("screens", "first-start", "bare-*", "start-*")
"""Directories of what explains a failure, in the working directory."""


def bring(wish: Wish, progress: Progress, store: Store | None = None) -> Path:
    """Make a golden image of a disk that somebody has.

    Nothing is at ``wish.output`` before it is whole, and the disk itself is only read.

    :param store: where locks are kept; None takes the default one.
    :returns: the image.
    :raises ImageError: it is no disk, there is no Windows on it, or none that could let us in; the message says what
        to do.
    :raises UsageError: the output cannot be made, or it is not known whom to log in.
    :raises CapacityError: there is no room for it.
    :raises BuildError: it was started, and lets nobody in.
    """
    store = store or Store.default()
    with place.claimed(wish.output, store, replace=wish.force):
        return _Import(wish, hypervisor.find(store), progress).make()


@dataclass
class _Import:
    """One import at work, in a directory beside the output: on its file system, so that publishing is a rename."""

    wish: Wish
    hypervisor: Hypervisor
    progress: Progress

    def __post_init__(self) -> None:
        self.output = self.wish.output
        self.directory = self.output.with_name(f".{self.output.name}.importing")
        self.failed = self.output.with_name(f"{self.output.name}.failed")

    def make(self) -> Path:
        shutil.rmtree(self.directory, ignore_errors=True)  # of one that was killed
        with self._evidence():
            self.directory.mkdir(mode=0o700)
            with phase(self.progress, "looking at the disk"):
                raw, kind = self._converted()
                found = system.look(raw)
                wanted = plan(found, self.wish)
            self.progress.note(_told(found, wanted))
            overlay = self.directory / "brought.qcow2"
            disk.overlay(raw, overlay, backing_format="raw")
            image, steps = self._prepared(overlay, found, wanted)
            settings = GuestSpec(image=image, cpus=self.wish.cpus, boot="cold", boot_timeout=self.wish.timeout)
            result = proven(settings, wanted, self.hypervisor, self._fresh, self.progress)
            with phase(self.progress, "sealing"):
                record = self._record(found, wanted, replace(result, steps=steps | result.steps), kind)
                seal.seal(result.disk, record, self.output, self.directory, replace=self.wish.force)
        shutil.rmtree(self.failed, ignore_errors=True)  # of an earlier try
        return self.output

    def _prepared(self, image: Path, found: System, wanted: Plan) -> tuple[Path, dict[str, str]]:
        """A disk whose next start lets us in, and what was done for that."""
        if wanted.first_start:
            first = FirstStart(found, wanted, self.wish)
            return image, first.go_through(image, self.hypervisor, self._fresh, self.progress)
        if wanted.through:
            bare = BareSystem(found, wanted, self.wish)
            return bare.given_server(image, self.hypervisor, self._fresh, self.progress)
        return image, {}

    def _converted(self) -> tuple[Path, str]:
        """The disk as a plain file, and what it was."""
        source = self.wish.source
        packed = archive.is_archive(source)
        if packed:
            source = archive.unpack(source, self._fresh("unpacked"))
        kind = formats.kind(source)
        raw = self.directory / "brought.raw"
        conversion.to_raw(source, raw)
        shutil.rmtree(self.directory / "unpacked", ignore_errors=True)
        return raw, f"{kind} in an archive" if packed else kind

    def _record(self, found: System, wanted: Plan, result: Proven, kind: str) -> dict[str, Any]:
        account = {"user": wanted.user}
        if is_public(wanted.user, wanted.password):
            account["password"] = wanted.password
        return {
            "version": provenance.VERSION,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "system": {"release": found.release, "edition": found.release, "build": found.build, "maker": found.maker},
            "account": account,
            "guest": {"memory": wanted.memory, "bus": result.bus, "firmware": wanted.firmware},
            "source": {
                "name": self.wish.source.name,
                "format": kind,
                "sha256": provenance.digest(self.wish.source),
            },
            "steps": result.steps,
            "tools": {"qemu": self.hypervisor.version, "accelerator": self.hypervisor.accelerator.name},
        }

    @contextmanager
    def _evidence(self) -> Iterator[None]:
        """On failure keep what explains it; the working directory goes in any case."""
        try:
            yield
        except BuildError as exc:
            with suppress(OSError):  # a full disk; what went wrong is told all the same
                found = [path for name in _TELLING for path in sorted(self.directory.glob(f"{name}/*"))]
                evidence.keep(found, self.failed)
            exc.evidence = self.failed if self.failed.is_dir() else None
            raise
        except OSError as exc:
            if exc.errno == errno.ENOSPC:
                raise StoreError(f"{self.output.parent} is full; free space and import again") from exc
            raise
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _fresh(self, name: str) -> Path:
        return evidence.fresh(self.directory / name)


def _told(found: System, wanted: Plan) -> str:
    by = f" made by {found.maker}" if found.maker else ""
    build = f" build {found.build}" if found.build else ""
    return (
        f"{found.release}{build}{by}; to be started by {wanted.firmware} from {' or '.join(wanted.buses)},"
        f" as {wanted.user}"
    )
