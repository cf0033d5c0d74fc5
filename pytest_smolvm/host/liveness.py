"""Which processes that use a store still live: each holds a lock in it for as long as it does.

The kernel gives a lock back when its holder ends, however it ends, and tells of it in every container that shares the
store. A process' number is no such sign: another container has numbers of its own, and every host has.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

from pytest_smolvm.host import proc

# Begins with a word that nobody begins the name of an image with.
_TOKEN = r"smolvm-[0-9a-f]{8}-\d+-[0-9a-f]{16}"
_OWNED = re.compile(rf"({_TOKEN})\.[0-9a-f]{{8}}(\..+)?")
_LOCK = re.compile(rf"({_TOKEN})\.lock")
# File systems that several hosts may use at once, where a lock may be known to one of them only (mountinfo's names).
_SHARED = re.compile(
    r"nfs\d?|cifs|smb\d?|9p|virtiofs|ceph|lustre|glusterfs|afs|beegfs|gpfs|fuse\..*(ssh|gluster|ceph|s3|rclone).*"
)


class Owners:
    """The living processes of one store.

    :param directory: where their locks are.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def me(self) -> str:
        """This process' token: a word for the names of what belongs to it. From now on others see that it lives."""
        return _held.token(self._directory)

    def new_name(self, rest: str = "") -> str:
        """A file name that nobody else uses, and that tells whose it is from its first moment."""
        return f"{self.me()}.{uuid.uuid4().hex[:8]}{rest}"

    def is_me(self, token: str) -> bool:
        """Whether it is this process' own."""
        return token == _held.known(self._directory)

    def alive(self, token: str) -> bool:
        """Whether the process that `me` gave this token to still runs; True where that cannot be known."""
        if self.is_me(token):
            return True
        try:
            lock = os.open(_lock(self._directory, token), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return self._elsewhere(token)
        try:
            # Shared, so that two who ask at once do not take each other for its holder.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return self._elsewhere(token)

    def here(self, token: str) -> bool:
        """Whether that process runs on this host, whose memory it shares with us."""
        return not self._elsewhere(token)

    def forget_dead(self) -> None:
        """Remove the locks of processes that have ended."""
        for path in self._directory.iterdir():
            found = _LOCK.fullmatch(path.name)
            if found and not self.alive(found[1]):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _elsewhere(self, token: str) -> bool:
        """Whether it belongs to another host, of whose processes nothing can be known from here."""
        return token.split("-")[1] != _machine() and _shared(self._directory)


def owner_of(path: Path) -> str | None:
    """The token in a name that :meth:`Owners.new_name` made; None if it is any other name."""
    found = _OWNED.fullmatch(path.name)
    return found[1] if found else None


def pid(token: str) -> int:
    """The number of the process that a token belongs to, in its own container: for messages only."""
    return int(token.split("-")[2])


class _Held:
    """The locks that this process holds, by directory."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[Path, str] = {}
        self._files: list[int] = []

    def token(self, directory: Path) -> str:
        with self._lock:
            token = self._tokens.get(directory)
            if token is None or not _lock(directory, token).exists():  # somebody may have removed the store
                token = self._tokens[directory] = self._begin(directory)
            return token

    def known(self, directory: Path) -> str | None:
        return self._tokens.get(directory)

    def _begin(self, directory: Path) -> str:
        token = f"smolvm-{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:16]}"
        # Its name comes once it is locked: a lock that nobody holds is a dead process'.
        aside = directory / f".{token}"
        lock = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        aside.rename(_lock(directory, token))
        self._files.append(lock)
        return token

    def forked(self) -> None:
        """In a child: it is another process, and must not hold its parent's locks beyond its parent's end."""
        for file in self._files:
            os.close(file)
        self._clear()


_held = _Held()
os.register_at_fork(after_in_child=_held.forked)


def _lock(directory: Path, token: str) -> Path:
    return directory / f"{token}.lock"


@cache
def _machine() -> str:
    """This host. Containers on it may differ: they need it only on file systems that several hosts share."""
    try:
        text = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        text = ""
    return hashlib.sha256((text or proc.boot()).encode()).hexdigest()[:8]


@cache
def _shared(directory: Path) -> bool:
    return _SHARED.fullmatch(proc.file_system(directory)) is not None
