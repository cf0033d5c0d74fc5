"""What a store holds, what uses it, and what may go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import SmolVMError, UsageError
from pytest_smolvm.host import clock, proc, records, use
from pytest_smolvm.host.progress import Progress, Silent
from pytest_smolvm.host.store import Store, last_use, remove
from pytest_smolvm.images.practice import build
from pytest_smolvm.machine import disk
from pytest_smolvm.pool import templates
from pytest_smolvm.pool.keeping import KEPT
from pytest_smolvm.pool.templates import Template


@dataclass(frozen=True)
class Entry:
    """One image, template, layer or kept guest."""

    kind: str
    name: str
    path: Path
    size: int
    """Bytes on disk."""
    age: float
    """Seconds since it was last used."""
    users: tuple[int, ...]
    """Processes that have it open, as far as they can be seen from here."""
    held: bool = False
    """Whether a guest uses it, perhaps in another container."""
    detail: str = ""
    parent: Path | None = None
    """Where what it differs from is: a template's image, a layer's template or layer."""
    layer: str = ""
    """What the function is called that made it, of a layer; what it is called otherwise, of a kept guest."""

    @property
    def used_by(self) -> str:
        """Who uses it; empty if nobody does."""
        elsewhere = "guests of another container" if self.held else ""
        return ", ".join(map(str, self.users)) or elsewhere

    def __str__(self) -> str:
        return f"{self.kind} {f'{self.layer} ' if self.layer else ''}({self.name})"


def entries(store: Store, others: Iterable[Path] = ()) -> list[Entry]:
    """All images, templates and layers in the store, the last used first.

    :param others: images elsewhere that are to be listed, too.
    :raises UsageError: one of them is not there.
    """
    elsewhere = [path.expanduser().absolute() for path in others]
    for path in elsewhere:
        if not path.is_file():
            raise UsageError(f"there is no image at {path}")
    open_files = proc.open_files()
    images = [*(path for path in store.images.glob("*.qcow2") if not store.is_aside(path)), *elsewhere]
    directories = [path for path in store.templates.iterdir() if not store.is_aside(path)]
    found = [
        *_listed(images, lambda path: _image(path, open_files)),
        *_listed(directories, lambda path: _template(store, path, open_files)),
    ]
    return sorted(found, key=lambda entry: entry.age)


def tree(found: Iterable[Entry]) -> list[tuple[int, Entry]]:
    """The same entries, each behind what it differs from, with its depth; what differs from none has 0."""
    entries = list(found)
    places = {entry.path for entry in entries}

    def below(parent: Path | None, depth: int) -> Iterator[tuple[int, Entry]]:
        for entry in entries:
            if entry.parent == parent or (parent is None and entry.parent not in places):
                yield depth, entry
                yield from below(entry.path, depth + 1)

    return list(below(None, 0))


def prune(store: Store, older_than: float, progress: Progress = Silent()) -> list[Entry]:
    """Remove templates, layers, images, kept guests and build leftovers that nobody used for `older_than` seconds.

    What something differs from that stays, stays, too.

    :returns: the images, templates and layers that were removed.
    """
    store.reap()
    for path in store.kept.iterdir():
        if _unused_for(path) >= older_than:
            remove(path)
    found, needed = entries(store), set(_needed_by_kept(store))
    stays = {entry.path for entry in found if entry.used_by or entry.age < older_than or entry.path in needed}
    doomed = [entry for entry in found if entry.path not in stays | _ancestors(found, stays)]
    for entry in doomed:
        _remove(store, entry)
    build.clear(store, lambda path: _unused_for(path) >= older_than, progress)
    return doomed


def shrink(store: Store, limit: int, fresh: float) -> list[Entry]:
    """Remove templates and layers, those first that were not used for longest, until all take `limit` bytes at most.

    Never one in use, nor what others differ from that stay: it may be that more is left than `limit`.

    :param fresh: what was used within so many seconds stays; somebody may be about to use it again.
    :returns: those that were removed.
    """
    needed = set(_needed_by_kept(store))
    left = [entry for entry in reversed(entries(store)) if entry.kind != "image"]
    removed: list[Entry] = []
    while sum(entry.size for entry in left) > limit:
        parents = {entry.parent for entry in left} | needed
        old = (one for one in left if not one.used_by and one.age >= fresh and one.path not in parents)
        doomed = next(old, None)
        if doomed is None:
            break
        _remove(store, doomed)
        left.remove(doomed)
        removed.append(doomed)
    return removed


def discard(store: Store, names: Iterable[str]) -> list[Entry]:
    """Remove images, templates and layers that are named, the latter as the function is called or by their own name.

    :raises UsageError: nothing has such a name, it is in use, or others differ from it that are not named; nothing is
        removed.
    """
    found, wanted = entries(store), set(names)
    if unknown := wanted - {name for entry in found for name in (entry.name, entry.layer)}:
        raise UsageError(f"nothing in the store is called {min(unknown)}; pytest-smolvm images lists what there is")
    doomed = [entry for entry in found if wanted & {entry.name, entry.layer}]
    places = {entry.path for entry in doomed}
    for entry in doomed:
        if entry.used_by:
            raise UsageError(f"{entry} is used by {entry.used_by}")
        children = [other for other in found if other.path not in places and other.parent == entry.path]
        if children:
            raise UsageError(f"{entry} is what others differ from: {', '.join(map(str, children))}; name them, too")
    for entry in doomed:
        _remove(store, entry)
    return doomed


def frozen(store: Store, name: str) -> Template:
    """The template or layer that is named, the latter as the function is called or by its own name.

    :raises UsageError: nothing has such a name, several have, or what has it is damaged.
    """
    found = [entry for entry in entries(store) if entry.kind != "image" and name in (entry.name, entry.layer)]
    if not found:
        raise UsageError(f"no template or layer is called {name}; pytest-smolvm images lists what there is")
    if len(found) > 1:
        several = ", ".join(f"{entry.name} {entry.detail}" for entry in found)
        raise UsageError(f"several layers are called {name}: {several}; give the name of one")
    template = templates.find(store, found[0].name)
    if template is None:
        raise UsageError(f"{found[0]} is damaged: it will be made again when a test asks for it")
    return template


def _ancestors(found: Iterable[Entry], places: Iterable[Path]) -> set[Path]:
    """What those at these places differ from, and what that differs from, and so on."""
    parents = {entry.path: entry.parent for entry in found}
    known: set[Path] = set()
    ahead = list(places)
    while ahead:
        parent = parents.get(ahead.pop())
        if parent is not None and parent not in known:
            known.add(parent)
            ahead.append(parent)
    return known


def _remove(store: Store, entry: Entry) -> None:
    if entry.kind == "image":
        entry.path.unlink(missing_ok=True)
        records.beside(entry.path).unlink(missing_ok=True)
    else:
        templates.discard(store, entry.path.name)


def _needed_by_kept(store: Store) -> Iterator[Path]:
    """The images without which disks of kept guests cannot be read, and the templates of those without links."""
    for directory, _, files in os.walk(store.kept):  # unlike glob, it takes no offence at what goes meanwhile
        if "disk.qcow2" in files:
            with suppress(SmolVMError):  # it cannot be read as it is
                for base in disk.bases(Path(directory, "disk.qcow2")):
                    yield from (base, base.parent)


def _listed(paths: Iterable[Path], make: Callable[[Path], Entry]) -> Iterator[Entry]:
    for path in paths:
        try:
            entry = make(path)
        except (FileNotFoundError, NotADirectoryError):
            continue  # somebody removed it meanwhile, or it is no template at all
        yield entry


def _image(path: Path, open_files: dict[Path, set[int]]) -> Entry:
    return Entry(
        "image",
        path.stem,
        path,
        _size(path),
        _age(path),
        tuple(sorted(open_files.get(path.resolve(), ()))),
        use.is_held(path),
        _made_of(path),
    )


def _made_of(image: Path) -> str:
    """What the record beside an image says, if there is one."""
    record = records.read(records.beside(image)) or {}
    system, account = (part if isinstance(part, dict) else {} for part in map(record.get, ("system", "account")))
    named = " ".join(str(system[name]) for name in ("edition", "build", "language") if system.get(name))
    return f"{named}, account {account.get('user')}" if system else ""


def _template(store: Store, directory: Path, open_files: dict[Path, set[int]]) -> Entry:
    users = tuple(sorted(templates.users(directory, open_files)))
    size = sum(map(_size, directory.iterdir()))
    template = templates.find(store, directory.name)
    record = records.read(templates.TemplateFiles(directory).record) or {}
    layer = str(record.get("layer") or "")
    if template is None:
        age, detail = clock.utc() - directory.stat().st_mtime, "damaged: it will be made again"
    else:
        # Directory and record tell nothing: listing them is reading them, too.
        age = clock.utc() - templates.last_used(template)
        detail = f"of {record.get('image')}, {record.get('memory')} MiB"
    if layer:
        detail = f"{layer} {detail}"
    below = record.get("parent") or record.get("image")
    parent = Path(below) if isinstance(below, str) else None
    kind = "guest" if record.get(KEPT) else "layer" if layer else "template"
    held = templates.in_use(directory)
    return Entry(kind, directory.name, directory, size, max(0.0, age), users, held, detail, parent, layer)


def _size(path: Path) -> int:
    return path.stat().st_blocks * 512  # what it takes, holes left out


def _age(path: Path) -> float:
    return max(0.0, clock.utc() - last_use(path))


def _unused_for(path: Path) -> float:
    try:
        return _age(path)
    except FileNotFoundError:
        return 0.0  # somebody removed it meanwhile
