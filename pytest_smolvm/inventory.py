"""What a store holds, what uses it, and what may go."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm import templates
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


def entries(store: Store) -> list[Entry]:
    """All images and templates, the last used first."""
    open_files = _open_files(store.root)
    found = [*_images(store, open_files), *_templates(store, open_files)]
    return sorted(found, key=lambda entry: entry.age)


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


def _images(store: Store, open_files: dict[Path, set[int]]) -> Iterator[Entry]:
    for path in store.images.glob("*.qcow2"):
        users = tuple(sorted(open_files.get(path, ())))
        yield Entry("image", path.stem, path, _size(path), _age(path), users)


def _templates(store: Store, open_files: dict[Path, set[int]]) -> Iterator[Entry]:
    for directory in store.templates.iterdir():
        template = templates.find(store, directory.name)
        if template is not None:
            users = {pid for path, pids in open_files.items() if directory in path.parents for pid in pids}
            size = sum(_size(file) for file in directory.iterdir())
            detail = f"of {template.record['image']}, {template.record['memory']} MiB"
            yield Entry("template", directory.name, directory, size, _age(template.state), tuple(sorted(users)), detail)


def _open_files(root: Path) -> dict[Path, set[int]]:
    """Files below `root` that processes have open, with the processes (Linux' /proc/PID/fd)."""
    found: dict[Path, set[int]] = {}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = Path(os.readlink(link))
        except OSError:
            continue  # closed meanwhile, or another user's
        if root in target.parents:
            found.setdefault(target, set()).add(int(link.parts[2]))
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
