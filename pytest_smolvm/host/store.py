"""The store: the directory with images, templates, run directories, leases and locks."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_smolvm.errors import StoreError
from pytest_smolvm.host import owner

_PARTS = ("images", "templates", "runs", "leases", "locks", "work", "kept")


def default_root(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the store is if nobody says otherwise: SMOLVM_STORE, SMOLVM_HOME, else below the user's cache directory.

    :raises StoreError: nobody says anything, and the user has no home directory.
    """
    if named := environ.get("SMOLVM_STORE") or environ.get("SMOLVM_HOME"):
        return Path(named)
    try:
        return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "smolvm"
    except RuntimeError as exc:  # a user id without an entry, as in containers that run as any user, and no HOME
        raise StoreError(
            "there is no home directory to keep the store in; name a place with --smolvm-store=DIR or SMOLVM_STORE"
        ) from exc


class Store:
    """One store. Every path in it is ours; nothing outside it is written.

    :param root: its directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.images = root / "images"
        self.templates = root / "templates"
        self.runs = root / "runs"
        self.leases = root / "leases"
        self.locks = root / "locks"
        self.work = root / "work"
        self.kept = root / "kept"

    @classmethod
    def at(cls, root: Path) -> Store:
        """The store at `root`, created if need be, readable by its owner alone: templates hold secrets.

        :raises StoreError: it cannot be created or written.
        """
        # Without links, as the kernel names files that processes have open: what uses a template is found by its path.
        root = Path(os.path.realpath(root.expanduser()))
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for part in _PARTS:
                (root / part).mkdir(mode=0o700, exist_ok=True)
            probe = root / f".probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
        except OSError as exc:
            raise StoreError(
                f"the store {root} cannot be written: {exc.strerror}; set SMOLVM_HOME or SMOLVM_STORE to a directory of yours"
            ) from exc
        return cls(root)

    @classmethod
    def default(cls) -> Store:
        """The store of whoever says nothing else.

        :raises StoreError: it cannot be created or written.
        """
        return cls.at(default_root())

    def lock(self, name: str) -> Path:
        """The lock file called `name`."""
        return self.locks / f"{name}.lock"

    @contextmanager
    def run_directory(self) -> Iterator[Path]:
        """A directory for one guest, gone after the block. Its name says whose it is, from its first moment."""
        path = self.runs / f"{owner.me()}.{uuid.uuid4().hex[:8]}"
        path.mkdir(mode=0o700)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def reap(self) -> int:
        """Clear what dead processes left: their guests' processes, run directories, leases and half-made files.

        :returns: how many things were cleared.
        """
        dead = [
            path
            for place in (self.runs, self.leases, self.templates, self.images)
            for path in place.iterdir()
            if _orphaned(path)
        ]
        _kill_users_of([path for path in dead if path.is_dir()])
        for path in dead:
            remove(path)
        return len(dead)

    def aside(self, path: Path) -> Path:
        """A name beside `path` to make it under, owned by this process until it is renamed to `path`."""
        return path.with_name(f"{owner.me()}.{uuid.uuid4().hex[:8]}.{path.name}")

    def is_aside(self, path: Path) -> bool:
        """Whether a name is one that `aside` gave: somebody is at work on it."""
        return _owned(path)


def remove(path: Path) -> None:
    """Remove a file or a directory with all it holds, as far as there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _orphaned(path: Path) -> bool:
    return _owned(path) and not owner.alive(path.name.partition(".")[0])


def _owned(path: Path) -> bool:
    token = path.name.partition(".")[0]
    return token.count("-") == 2 and token.partition("-")[0].isdigit()


def _kill_users_of(directories: list[Path]) -> None:
    """Processes that name one of these directories in their command line are guests whose owner is gone."""
    if not directories:
        return
    names = [os.fsencode(directory) for directory in directories]
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with suppress(OSError):  # it ended meanwhile, or is not ours
                line = (process / "cmdline").read_bytes()
                if any(name in line for name in names):
                    os.kill(int(process.name), signal.SIGKILL)
