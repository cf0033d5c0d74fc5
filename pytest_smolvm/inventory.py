"""What a store holds, what uses it, and what may go."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm import notes, templates
from pytest_smolvm.errors import UsageError
from pytest_smolvm.store import Store


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
    open_files = _open_files()
    images = [_image(path, open_files) for path in (*store.images.glob("*.qcow2"), *elsewhere) if not store.is_aside(path)]
    return sorted([*images, *_templates(store, open_files)], key=lambda entry: entry.age)


def prune(store: Store, older_than: float) -> list[Entry]:
    """Remove templates, kept guests' images and build leftovers that nobody uses and nobody used for `older_than` seconds.

    :returns: what was removed.
    """
    store.reap()
    doomed = [entry for entry in entries(store) if not entry.users and entry.age >= older_than]
    for entry in doomed:
        if entry.kind == "template":
            templates.discard(store, entry.path.name)
        else:
            entry.path.unlink(missing_ok=True)
    for path in (*store.work.iterdir(), *store.kept.iterdir()):
        if time.time() - path.stat().st_mtime >= older_than:
            _remove(path)
    return doomed


def _image(path: Path, open_files: dict[Path, set[int]]) -> Entry:
    return Entry("image", path.stem, path, _size(path), _age(path), tuple(sorted(open_files.get(path, ()))), _made_of(path))


def _made_of(image: Path) -> str:
    """What the note beside an image says, if there is one."""
    note = notes.read(notes.beside(image)) or {}
    system, account = note.get("system", {}), note.get("account", {})
    return f"{system.get('edition')} {system.get('build')} {system.get('language')}, account {account.get('user')}" if system else ""


def _templates(store: Store, open_files: dict[Path, set[int]]) -> Iterator[Entry]:
    for directory in store.templates.iterdir():
        if store.is_aside(directory):
            continue  # being baked
        template = templates.find(store, directory.name)
        users = {pid for path, pids in open_files.items() if directory in path.parents for pid in pids}
        files = list(directory.iterdir())
        detail = f"of {template.record['image']}, {template.record['memory']} MiB" if template else "damaged: it will be baked again"
        yield Entry("template", directory.name, directory, sum(map(_size, files)), min(map(_age, [directory, *files])), tuple(sorted(users)), detail)


def _open_files() -> dict[Path, set[int]]:
    """Files that processes have open, with the processes (Linux' /proc/PID/fd)."""
    found: dict[Path, set[int]] = {}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            found.setdefault(Path(os.readlink(link)), set()).add(int(link.parts[2]))
        except OSError:
            continue  # closed meanwhile, or another user's
    return found


def _size(path: Path) -> int:
    return path.stat().st_blocks * 512  # what it takes, holes left out


def _age(path: Path) -> float:
    stat = path.stat()
    return max(0.0, time.time() - max(stat.st_atime, stat.st_mtime))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
