"""The store: the directory with images, templates, run directories, leases and locks."""

from __future__ import annotations

import atexit
import errno
import os
import re
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_smolvm.errors import SmolVMError, StoreError
from pytest_smolvm.host import clock, proc
from pytest_smolvm.host.liveness import Owners, owner_of

_PARTS = ("images", "templates", "runs", "leases", "locks", "owners", "work", "kept")
GUEST_NAME = "pytest-smolvm"
"""What every QEMU of ours is called."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LEFTOVER = re.compile(r"\.probe-[0-9a-f]{32}|.+\.json\.[0-9a-f]{8}\.new")
_LEFTOVER_SECONDS = 3600.0
# A store with less room than this is full: a guest's devices alone take some five MiB.
_ROOM_BYTES = 16 * 2**20


def default_root() -> Path:
    """Where the store is if nobody says otherwise: SMOLVM_STORE, SMOLVM_HOME, else below the user's cache directory.

    :raises StoreError: nobody says anything, and the user has no home directory.
    """
    # Asked right here: no variable holds the environment, which pytest would show with all the secrets that are in it.
    if named := os.environ.get("SMOLVM_STORE") or os.environ.get("SMOLVM_HOME"):
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "smolvm"
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
        self.owners = Owners(root / "owners")
        self.work = root / "work"
        self.kept = root / "kept"

    @classmethod
    def at(cls, root: Path) -> Store:
        """The store at `root`, created if need be, readable by its owner alone: templates hold secrets.

        :raises StoreError: it cannot be created or written, is another user's, others may write to it, or its path is
            no UTF-8.
        """
        # Without links, as the kernel names files that processes have open: what uses a template is found by its path.
        root = Path(os.path.realpath(root.expanduser()))
        if not is_utf8(root):
            raise StoreError(
                f"the path of the store, {os.fspath(root)!a}, is no UTF-8, and QEMU's monitor is told paths in JSON; "
                "name another place with --smolvm-store=DIR or SMOLVM_STORE"
            )
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_ours(root)
            for part in _PARTS:
                (root / part).mkdir(mode=0o700, exist_ok=True)
                _check_ours(root / part)
            probe = root / f".probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
        except OSError as exc:
            raise StoreError(
                f"the store {root} cannot be written: {exc.strerror}; "
                "set SMOLVM_HOME or SMOLVM_STORE to a directory of yours"
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
        _ENTERED.add(self.root)
        path = self.runs / self.owners.new_name()
        path.mkdir(mode=0o700)
        home = os.getpid()
        try:
            yield path
        finally:
            if os.getpid() == home:  # or else it is a forked child that comes to the end of the block
                shutil.rmtree(path, ignore_errors=True)

    def reap(self, *, ours: bool = False) -> int:
        """Clear what dead processes left: their guests' processes, run directories, leases and half-made files.

        :param ours: and what this one leaves, which is about to end.
        :returns: how many things were cleared.
        """
        dead = [
            path
            for place in (self.runs, self.leases, self.templates, self.images)
            for path in place.iterdir()
            if (owner := owner_of(path)) is not None and self._gone(owner, ours=ours)
        ]
        _kill_guests_of([path for path in dead if path.is_dir()])
        cleared = 0
        for path in dead:
            with suppress(OSError):  # whoever may do so clears it another time
                remove(path)
                cleared += 1
        self.owners.forget_dead()
        return cleared + self._clear_leftovers()

    def is_left(self, path: Path) -> bool:
        """Whether a path belongs to a process that has ended: the next :meth:`reap` removes it."""
        owner = owner_of(path)
        return owner is not None and not self.owners.alive(owner)

    def _clear_leftovers(self) -> int:
        """Remove what killed processes have left of writing a record, or of trying whether the store can be written."""
        places = [self.root, *(self.root / part for part in _PARTS)]
        found = [path for place in places for path in place.iterdir() if _LEFTOVER.fullmatch(path.name)]
        cleared = 0
        for path in found:
            with suppress(OSError):  # somebody else does so
                if clock.utc() - path.stat().st_mtime > _LEFTOVER_SECONDS:
                    path.unlink()
                    cleared += 1
        return cleared

    def _gone(self, owner: str, *, ours: bool) -> bool:
        return not self.owners.alive(owner) or (ours and self.owners.is_me(owner))

    def aside(self, path: Path) -> Path:
        """A name beside `path` to make it under, owned by this process until it is renamed to `path`."""
        _ENTERED.add(self.root)
        return path.with_name(self.owners.new_name(f".{path.name}"))

    def is_aside(self, path: Path) -> bool:
        """Whether a name is one that `aside` gave: somebody is at work on it."""
        return owner_of(path) is not None

    @contextmanager
    def full_disk_told(self) -> Iterator[None]:
        """What fails in the block because the store's file system is full says so.

        :raises StoreError: that is why it failed.
        """
        try:
            yield
        except StoreError:
            raise
        except (OSError, SmolVMError) as exc:
            if getattr(exc, "errno", None) not in _FULL and self._has_room():
                raise
            raise StoreError(
                f"the file system of the store {self.root} is full; pytest-smolvm prune removes what nobody uses "
                "(with --all, also what was used recently), or choose another place with --smolvm-store"
            ) from exc

    def _has_room(self) -> bool:
        try:
            with tempfile.TemporaryFile(dir=self.root) as probe:
                os.posix_fallocate(probe.fileno(), 0, _ROOM_BYTES)
        except OSError as exc:
            return exc.errno not in _FULL
        return True


_ENTERED: set[Path] = set()
"""The stores in which this process has made something for a while."""


@atexit.register
def _leave_nothing() -> None:
    """What was interrupted while it cleared up, as by a second Ctrl-C, is cleared now rather than by the next run."""
    for root in _ENTERED:
        with suppress(ValueError):  # in an interpreter beside the main one
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a third: this takes no longer than Python's own end
        with suppress(OSError):
            Store(root).reap(ours=True)


def remove(path: Path) -> None:
    """Remove a file or a directory with all it holds, as far as there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def note_use(path: Path) -> None:
    """Note that a file of ours is used now: many file systems are mounted such that reading it notes nothing."""
    with suppress(OSError):  # somebody else's, or gone
        os.utime(path, ns=(int(clock.utc() * 1e9), path.stat().st_mtime_ns))


def last_use(path: Path) -> float:
    """When a file of ours was written or used last, in seconds since 1970."""
    stat = path.stat()
    return max(stat.st_atime, stat.st_mtime)


def is_utf8(path: Path) -> bool:
    """Whether a path is text, as names on Linux need not be."""
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_ours(directory: Path) -> None:
    """Whoever can write here can have our QEMU load what he likes, and the next reader his secrets."""
    stat = directory.stat()
    if stat.st_uid != os.geteuid():
        raise StoreError(
            f"{directory} belongs to another user, so this store is not used; "
            "set SMOLVM_HOME or SMOLVM_STORE to a directory of yours"
        )
    # Where every user has a group of his own, new directories are often writable for it.
    others = 0o002 if stat.st_gid == stat.st_uid else 0o022
    if stat.st_mode & others:
        raise StoreError(f"others may write to {directory}, so this store is not used: chmod go-w {directory}")


def _kill_guests_of(directories: list[Path]) -> None:
    """End guests whose owner is gone, but nobody else who happens to have something open there."""
    for pid, words in proc.commands() if directories else ():
        if any(_is_guest_in(directory, pid, words) for directory in directories):
            with suppress(OSError):  # it ended meanwhile, or is another user's
                os.kill(pid, signal.SIGKILL)


def _is_guest_in(directory: Path, pid: int, words: list[str]) -> bool:
    program, path = Path(words[0]).name, os.fspath(directory)
    if program == "swtpm":  # which knows no way to escape a comma, and is then started inside
        return any(path in word for word in words) or proc.directory(pid).is_relative_to(directory)
    doubled = path.replace(",", ",,")  # as QEMU wants them
    return program.startswith("qemu-system-") and GUEST_NAME in words and any(doubled in word for word in words)
