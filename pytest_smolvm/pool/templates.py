"""Templates: golden images that were booted once and frozen, and what was frozen later of their clones."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.desktop import rehearsal
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import clock, proc, records, use
from pytest_smolvm.host.store import Store, last_use
from pytest_smolvm.machine import disk, qemu
from pytest_smolvm.machine.hardware import Hardware
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import warming

FORMAT = 3
"""Part of every key: how a template is laid out on disk."""
# Without being used, beside one of the same image that was just baked.
_KEPT_SECONDS = 7 * 86400.0


class TemplateFiles(RunDirectory):
    """A template's files by name: those of the machine that was frozen, and some more."""

    @property
    def record(self) -> Path:
        """What was noted when it was made; written last."""
        return self.path / "record.json"

    @property
    def endpoint(self) -> Path:
        """Where the resident PowerShell in it listens."""
        return self.path / "endpoint.json"

    @property
    def blank_disk(self) -> Path:
        """An empty overlay of `disk`, to be copied for a clone."""
        return self.path / "blank-disk.qcow2"

    @property
    def blank_variables(self) -> Path:
        """An empty overlay of `variables`, likewise."""
        return self.path / "blank-variables.qcow2"


@dataclass(frozen=True)
class Template:
    """A frozen guest on disk."""

    files: TemplateFiles
    mark: tuple[int, int]
    """Tells it from another that was baked in its place."""
    host_key: bytes | None
    """Its SSH server's public key, which every clone has to have; None takes any, as of a guest that was booted."""
    parent: Template | None = None
    """What the guest was that was frozen, if it was a clone: its disk says only what differs from that one's."""
    base: Path | None = None
    """The memory that its own says the difference to, if it does not hold all of it."""

    @property
    def key(self) -> str:
        """Its name."""
        return self.files.path.name

    @property
    def lineage(self) -> Iterator[Template]:
        """It, its parent, and so on."""
        yield self
        if self.parent is not None:
            yield from self.parent.lineage

    @property
    def root(self) -> Template:
        """The one that has no parent."""
        return list(self.lineage)[-1]

    @property
    def memory(self) -> Path:
        """The file whose pages a clone has."""
        return self.base or self.files.memory

    @property
    def copied(self) -> bool:
        """Whether its memory was copied out of a guest that went on, rather than left by one that ended."""
        return self.files.pages.exists()

    @property
    def intact(self) -> bool:
        """Whether it is there, whole and unchanged, with what it differs from."""
        try:
            known = self.record["files"].items()
            whole = all(fingerprint(self.files.path / file) == noted for file, noted in known)
            older = all(parent.files.disk.exists() for parent in self.lineage)
            return whole and older and all(mark(one.files.path) == one.mark for one in (self, self.root))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False

    @property
    def identity(self) -> str:
        """Tells it from any other that was ever made in its place, also where the store was copied; or empty."""
        with suppress(FileNotFoundError):  # a snapshot that is forgotten, of which only what others need is left
            return hashlib.sha256(self.files.record.read_bytes()).hexdigest()
        return ""

    @property
    def record(self) -> dict[str, Any]:
        """What was noted when it was made."""
        return records.read(self.files.record) or {}


@dataclass(frozen=True)
class Shape:
    """What of a spec shapes its template, besides the image; noted in the record, so that it can be named elsewhere."""

    hardware: Hardware
    account: tuple[str, str]
    """Whose session is frozen into it, and the SHA-256 of his password. That is not part of what is frozen, but only
    its owner may clone."""
    desktop: str = ""
    """What is ready in it for `vm.desktop`; empty: nothing."""

    @classmethod
    def of(cls, spec: GuestSpec) -> Shape:
        """What a spec wants."""
        account = (spec.ssh_user, hashlib.sha256(spec.ssh_password.encode()).hexdigest())
        return cls(spec.hardware, account, rehearsal.recipe() if spec.desktop else "")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Shape:
        """What was noted in a template's record.

        :raises UsageError: nothing was, as by earlier versions of this package.
        """
        try:
            noted = record["shape"]
            user, password = noted["account"]
            return cls(Hardware(**noted["hardware"]), (user, password), noted.get("desktop", ""))
        except (KeyError, TypeError, ValueError) as exc:
            raise UsageError("another version of pytest-smolvm has made it; it takes one that is made anew") from exc

    def key(self, image: Path, hypervisor: Hypervisor) -> str:
        """Names the template on an image: a digest of everything that shapes it."""
        hypervisor = replace(hypervisor, vnc=False)  # which is no part of what is frozen
        shape = {
            "format": FORMAT,
            "warming": warming.recipe(),
            "image": disk.identity(image),
            "hypervisor": hypervisor.identity,
            "machines": _machines(self.hardware, hypervisor),
            "account": self.account,
        }
        if self.desktop:
            shape["desktop"] = self.desktop
        return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:32]


def key(spec: GuestSpec, hypervisor: Hypervisor) -> str:
    """Names the template for these wants."""
    return Shape.of(spec).key(spec.image, hypervisor)


def find(store: Store, name: str) -> Template | None:
    """The template called `name` if it is there, whole and unchanged."""
    return at(store.templates / name)


def at(directory: Path) -> Template | None:
    """The template in `directory` if it is there, whole and unchanged."""
    files = TemplateFiles(directory)
    try:
        record = records.read(files.record) or {}
        parent = at(Path(record["parent"])) if record.get("parent") else None
        if (parent.identity if parent else "") != record.get("parent_identity", ""):
            return None  # its parent is gone, or another one has taken its place, from which it differs by other pages
        host_key = bytes.fromhex(record.get("host_key", "")) or None
        base = Path(record["base"]) if record.get("base") else None
        template = Template(files, mark(directory), host_key, parent=parent, base=base)
    except (OSError, ValueError, TypeError):
        return None
    return template if template.intact else None


def discard(store: Store, name: str) -> None:
    """Remove a template; clones of it that live go on, since they hold its files open."""
    doomed = store.aside(store.templates / name)
    try:
        (store.templates / name).rename(doomed)
    except FileNotFoundError:
        return
    shutil.rmtree(doomed, ignore_errors=True)


def users(directory: Path, open_files: Mapping[Path, set[int]]) -> set[int]:
    """The processes that have something open in a template's directory.

    :param open_files: what :func:`pytest_smolvm.host.proc.open_files` said.
    """
    real = directory.resolve()
    return {pid for path, pids in open_files.items() if real in path.parents for pid in pids}


def in_use(directory: Path) -> bool:
    """Whether a guest is a clone of a template, or will be one again when it is reverted, whoever's it is."""
    return use.is_held(TemplateFiles(directory).state)


def last_used(template: Template) -> float:
    """When it was baked or restored last, in seconds since 1970."""
    return last_use(template.files.state)


def discard_superseded(store: Store, by: Template) -> None:
    """Remove templates of the image that `by` was baked from, unless they are in use.

    Those of an earlier state of the image are of no use to anybody. Others may be: guests come in several shapes, and
    other containers with another QEMU may share the store. They go once nobody has used them for a while.
    """
    image, identity = by.record["image"], by.record["identity"]
    doomed = []
    for directory in store.templates.iterdir():
        other = None if store.is_aside(directory) or directory == by.files.path else at(directory)
        if other is not None and other.record.get("image") == image:
            earlier = other.record.get("identity", identity) != identity
            with suppress(FileNotFoundError):  # somebody else removes it
                if earlier or clock.utc() - last_used(other) > _KEPT_SECONDS:
                    doomed.append(directory)
    open_files = proc.open_files() if doomed else {}
    for directory in doomed:
        if not users(directory, open_files) and not in_use(directory):
            discard(store, directory.name)


def mark(directory: Path) -> tuple[int, int]:
    """Tells a template's directory from another in its place."""
    stat = directory.stat()
    return stat.st_ino, stat.st_mtime_ns


def fingerprint(path: Path) -> list[int]:
    """Changes when a file is written; its content is not read."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def make_blanks(files: TemplateFiles, final: TemplateFiles) -> None:
    """Make the overlays that clones begin with.

    :param files: where the template is made.
    :param final: where it will be.
    """
    disk.blank(final.disk, files.blank_disk, disk.virtual_size(files.disk))
    disk.blank(final.variables, files.blank_variables, disk.virtual_size(files.variables))


def _machines(hardware: Hardware, hypervisor: Hypervisor) -> list[list[str] | str]:
    """The frozen and the restored machine, as QEMU is told of them: paths and descriptors are always the same here."""
    files = RunDirectory(Path("run"))
    frozen = hypervisor.config(hardware, files.disk, memory_file=files.memory)
    restored = hypervisor.config(hardware, files.disk, memory_file=files.memory, restored=True)
    commands = [qemu.command(config, files, monitor_fd=0, tpm_fd=0) for config in (frozen, restored)]
    return [*commands, "bios" if frozen.firmware is None else frozen.firmware.identity]
