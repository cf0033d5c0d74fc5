"""Moving a template or a layer, with all that it differs from, to another host that is like this one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import HostError, ImageError, StoreError, UsageError
from pytest_smolvm.host import digest, records, sparse, use
from pytest_smolvm.host.progress import phase
from pytest_smolvm.machine import disk
from pytest_smolvm.pool import archive, layers, once, templates
from pytest_smolvm.pool.archive import Archive, Moved
from pytest_smolvm.pool.likeness import differences, likeness
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.templates import Shape, Template, TemplateFiles

_COPIED_FROM = "copied_from"
"""In a record: the identity of what it is a copy of."""


def send(template: Template, site: Site, path: Path) -> None:
    """Write a template or layer, and what it differs from, into a new file; that is there in full or not at all.

    :raises UsageError: the file is there already, or the template is not one that guests of this host would begin with.
    :raises ImageError: its image is gone.
    :raises StoreError: the file cannot be written.
    """
    if path.exists():
        raise UsageError(f"{path} is there already")
    shape, image = Shape.from_record(template.record), Path(template.record["image"])
    if template.key != _key(template.record, shape.key(image, site.hypervisor)):
        raise UsageError("it is of another state of its image, or of another QEMU or firmware than this host's now")
    with phase(site.progress, f"reading {image.name}"):
        about = {
            "host": likeness(shape.hardware, site.hypervisor),
            "image": {"path": os.fspath(image), "digests": _digests(image)},
        }
    try:
        _write(template, about, site, path)
    except OSError as exc:
        if not template.intact:
            raise UsageError("it was removed or made anew meanwhile") from exc
        raise StoreError(f"{path} cannot be written: {exc.strerror or exc}") from exc


def _write(template: Template, about: Mapping[str, Any], site: Site, path: Path) -> None:
    lineage = list(reversed(list(template.lineage)))
    with use.held(*(one.files.state for one in lineage)):
        with phase(site.progress, "reading what was frozen"):
            moved = [_looked_at(one) for one in lineage]
        with phase(site.progress, f"writing {path.name}"), archive.created(path) as writer:
            writer.describe(moved, about)
            for one, its in zip(lineage, moved, strict=True):
                for name, content in its.files.items():
                    writer.add(f"{its.name}/{name}", one.files.path / name, content)
            if not template.intact:
                raise UsageError("it was removed or made anew meanwhile")


def receive(path: Path, site: Site, image: Path | None = None) -> Template:
    """Put what is in an archive into the store, where guests find it that want such a template or layer.

    :param image: the golden image here; None looks where it was on the other host, and in the store.
    :returns: the one that was sent. If this host has made the same itself, that stays.
    :raises UsageError: there is no such file, or it is damaged.
    :raises HostError: this host differs from the other in what a frozen guest is made of.
    :raises ImageError: the golden image is not here, or is another one.
    :raises StoreError: the store's file system is full.
    """
    with archive.opened(path) as opened:
        shape = Shape.from_record(opened.moved[-1].record)
        found = differences(opened.about["host"], likeness(shape.hardware, site.hypervisor))
        if found:
            raise HostError(f"what is in {path} goes on only on a host like its own:\n  " + "\n  ".join(found))
        return _Arrival(opened, site, shape, _image(opened.about["image"], image, site)).all()


@dataclass(frozen=True)
class _Arrival:
    """An archive that can be used on this host."""

    opened: Archive
    site: Site
    shape: Shape
    image: Path

    def all(self) -> Template:
        """Put everything into the store; give the last, which was sent."""
        root = self.shape.key(self.image, self.site.hypervisor)
        *_, last = self.opened.moved
        there = templates.find(self.site.store, _key(last.record, root))
        if there is not None:
            self.site.progress.note(f"{last.title} is here already, and stays as it is")
            return there
        places: dict[str, Template] = {}
        parent: Template | None = None
        for moved in self.opened.moved:
            parent = places[moved.name] = self._put(moved, _key(moved.record, root), places, parent)
        assert parent is not None
        return parent

    def _put(self, moved: Moved, key: str, places: Mapping[str, Template], parent: Template | None) -> Template:
        """One of them; under another name if this host has made one itself, from which the next does not differ."""
        store = self.site.store
        other = hashlib.sha256(f"{key} {moved.identity}".encode()).hexdigest()[:32]
        for name in (key, other):
            there = templates.find(store, name)
            if there is None or _is_copy(there, moved):
                make = partial(self._unpack, moved, store.templates / name, places, parent)
                there = once.made(name, self.site, make, while_waiting=partial(self._waiting, moved))
                if _is_copy(there, moved):  # else somebody has made it meanwhile
                    return there
        raise StoreError(f"{store.templates / other} is in the way; prune it")

    def _unpack(self, moved: Moved, final: Path, places: Mapping[str, Template], parent: Template | None) -> Template:
        store = self.site.store
        with phase(self.site.progress, f"unpacking {moved.title}"), once.aside(final, store) as place:
            files = TemplateFiles(place)
            with store.full_disk_told():
                place.mkdir(mode=0o700)
                for name, content in moved.files.items():
                    self.opened.take(f"{moved.name}/{name}", content, place / name)
                self._base(files, parent)
                templates.make_blanks(files, TemplateFiles(final))
                self._note(moved, files, places, parent)
        made = templates.at(final)
        if made is None:
            raise StoreError(f"{moved.title}, or what it differs from, was removed meanwhile")
        return made

    def _base(self, files: TemplateFiles, parent: Template | None) -> None:
        """Have the overlays be based on what is here."""
        if parent is not None:
            disk.move_base(files.disk, parent.files.disk)
            disk.move_base(files.variables, parent.files.variables)
            return
        disk.move_base(files.disk, self.image)
        firmware = self.site.hypervisor.config(self.shape.hardware, files.disk).firmware
        if firmware is not None:
            disk.move_base(files.variables, firmware.variables, firmware.variables_format)

    def _note(
        self, moved: Moved, files: TemplateFiles, places: Mapping[str, Template], parent: Template | None
    ) -> None:
        for file in files.path.iterdir():
            file.chmod(0o600 if file in (files.memory, files.endpoint) else 0o400)
        base = moved.record.get("base")
        record = {
            **moved.record,
            "files": {file.name: templates.fingerprint(file) for file in files.path.iterdir()},
            "image": os.fspath(self.image),
            "identity": disk.identity(self.image),
            "parent": os.fspath(parent.files.path) if parent else "",
            "parent_identity": parent.identity if parent else "",
            "base": os.fspath(places[Path(base).parent.name].files.path / Path(base).name) if base else "",
            _COPIED_FROM: moved.record.get(_COPIED_FROM, moved.identity),
        }
        records.write(files.record, record, mode=0o600, durable=True)

    def _waiting(self, moved: Moved, who: str) -> AbstractContextManager[None]:
        return phase(self.site.progress, f"waiting for {who} to make {moved.title}")


def _key(record: Mapping[str, Any], root: str) -> str:
    """What a template or layer is called on a host.

    :param root: what the template of its image is called there.
    """
    return layers.named(root, record["digest"], record["network"]) if record.get("layer") else root


def _is_copy(there: Template, moved: Moved) -> bool:
    """Whether it is the same as what was sent: a copy of it, that itself, or a copy of what that was a copy of."""
    ours = {there.identity, there.record.get(_COPIED_FROM)}
    return bool(ours & {moved.identity, moved.record.get(_COPIED_FROM, moved.identity)})


def _looked_at(template: Template) -> Moved:
    files = template.files
    made_here = (files.record, files.blank_disk, files.blank_variables)
    inside = sorted(file for file in files.path.iterdir() if file not in made_here)
    contents = {file.name: sparse.content(file) for file in inside}
    return Moved(files.path.name, template.identity, template.record, contents)


def _digests(image: Path) -> list[str]:
    """Of all files that an image consists of, the topmost first.

    :raises ImageError: one of them is gone.
    """
    try:
        return [digest.of_file(file) for file in (image, *disk.bases(image))]
    except OSError as exc:
        raise ImageError(f"the image {image} cannot be read: {exc.strerror}") from exc


def _image(noted: Mapping[str, Any], wanted: Path | None, site: Site) -> Path:
    """The golden image here.

    :raises ImageError: there is none, or it is another one.
    """
    there = Path(noted["path"])
    places = [wanted] if wanted is not None else [there, site.store.images / there.name]
    image = next((place for place in places if place.is_file()), None)
    if image is None:
        raise ImageError(f"its golden image is not at {_either(places)}; name it with --image=FILE")
    with phase(site.progress, f"reading {image.name}"):
        if _digests(image) != noted["digests"]:
            raise ImageError(
                f"{image} is another image than {there} on the host that this comes from: their contents differ; "
                "name the right one with --image=FILE"
            )
    return image


def _either(places: Iterable[Path]) -> str:
    return " or ".join(map(str, dict.fromkeys(places)))
