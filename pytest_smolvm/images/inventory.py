"""What a store holds, what uses it, and what may go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import SmolVMError, UsageError
from pytest_smolvm.host import clock, proc, records
from pytest_smolvm.host.progress import Progress, Silent
from pytest_smolvm.host.store import Store, last_use, remove
from pytest_smolvm.images.practice import build
from pytest_smolvm.machine import disk
from pytest_smolvm.pool import templates


@dataclass(frozen=True)
class Entry:
    """One image or template."""

    kind: str
    name: str
    path: Path
    size: int
    """Bytes on disk."""
    age: float
    """Seconds since it was last used."""
    users: tuple[int, ...]
    """Processes that have it open."""
    detail: str = ""


def entries(store: Store, others: Iterable[Path] = ()) -> list[Entry]:
    """All images and templates in the store, the last used first.

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


def prune(store: Store, older_than: float, progress: Progress = Silent()) -> list[Entry]:
    """Remove templates, images, kept guests and build leftovers that nobody used for `older_than` seconds.

    :returns: the images and templates that were removed.
    """
    store.reap()
    for path in store.kept.iterdir():
        if _unused_for(path) >= older_than:
            remove(path)
    needed = set(_needed_by_kept(store))
    found = (entry for entry in entries(store) if entry.path not in needed)
    doomed = [entry for entry in found if not entry.users and entry.age >= older_than]
    for entry in doomed:
        if entry.kind == "template":
            templates.discard(store, entry.path.name)
        else:
            entry.path.unlink(missing_ok=True)
            records.beside(entry.path).unlink(missing_ok=True)
    build.clear(store, lambda path: _unused_for(path) >= older_than, progress)
    return doomed


def _needed_by_kept(store: Store) -> Iterator[Path]:
    """The images without which disks of kept guests cannot be read, and the templates of those without links."""
    for path in store.kept.rglob("disk.qcow2"):
        with suppress(SmolVMError):  # it cannot be read as it is
            for base in disk.bases(path):
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
        _made_of(path),
    )


def _made_of(image: Path) -> str:
    """What the record beside an image says, if there is one."""
    record = records.read(records.beside(image)) or {}
    system, account = record.get("system", {}), record.get("account", {})
    return (
        f"{system.get('edition')} {system.get('build')} {system.get('language')}, account {account.get('user')}"
        if system
        else ""
    )


def _template(store: Store, directory: Path, open_files: dict[Path, set[int]]) -> Entry:
    users = templates.users(directory, open_files)
    size = sum(map(_size, directory.iterdir()))
    template = templates.find(store, directory.name)
    if template is None:
        age, detail = clock.utc() - directory.stat().st_mtime, "damaged: it will be baked again"
    else:
        # Directory and record tell nothing: listing them is reading them, too.
        age = clock.utc() - templates.last_used(template)
        detail = f"of {template.record['image']}, {template.record['memory']} MiB"
    return Entry("template", directory.name, directory, size, max(0.0, age), tuple(sorted(users)), detail)


def _size(path: Path) -> int:
    return path.stat().st_blocks * 512  # what it takes, holes left out


def _age(path: Path) -> float:
    return max(0.0, clock.utc() - last_use(path))


def _unused_for(path: Path) -> float:
    try:
        return _age(path)
    except FileNotFoundError:
        return 0.0  # somebody removed it meanwhile
