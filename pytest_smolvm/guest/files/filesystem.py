"""The file system of a guest, as SFTP shows it: what is there, and what is made and removed in it."""

from __future__ import annotations

import errno
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TypeVar

from pytest_smolvm.errors import GuestUnreachable, TransferError, TransferInterrupted
from pytest_smolvm.guest import names as windows
from pytest_smolvm.guest.link.channels import BROKEN
from pytest_smolvm.guest.link.sftp import Sftp, SftpAttributes, asking, sftp_path
from pytest_smolvm.host.clock import sleep
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline

T = TypeVar("T")

HELD_SECONDS = stretched(5.0)
"""How long a file is tried to be removed that somebody has open: Defender and the indexer do for a moment, a program
for as long as it likes."""
_HELD_PAUSE = 0.2
MARK = ".smolvm"
"""What the names of all that we put aside end with."""
_TIME_MAX = 2**32 - 1  # seconds since 1970: SFTP of version 3 has 32 bits for them, without a sign


@dataclass(frozen=True)
class FileStat:
    """What the guest says of a file or directory."""

    size: int
    """Bytes."""
    modified: float
    """Seconds since 1970, to the second."""
    is_directory: bool
    """Also of a link that leads to one, where links are followed."""
    read_only: bool
    """Whether Windows' read-only attribute is set; never for a directory."""


def look(sftp: Sftp, remote: windows.GuestPath) -> FileStat:
    """Size, time and kind of what is at `remote`; links are followed.

    :raises TransferError: nothing is there.
    """
    found = find(sftp, remote)
    if found is None:
        raise TransferError(f"the guest has no {remote}")
    return found


def find(sftp: Sftp, remote: windows.GuestPath) -> FileStat | None:
    """As :func:`look`; None if nothing is there."""
    path = windows.absolute(remote)
    try:
        with asking(sftp, "look at", path):
            return described(sftp.stat(sftp_path(path)))
    except TransferError as exc:
        if isinstance(exc.__cause__, FileNotFoundError):
            return None
        raise


def find_itself(sftp: Sftp, remote: windows.GuestPath) -> FileStat:
    """As :func:`look`, but of a link itself, which is no directory."""
    path = windows.absolute(remote)
    with asking(sftp, "look at", path):
        return described(sftp.lstat(sftp_path(path)))


def is_there(sftp: Sftp, remote: windows.GuestPath) -> bool:
    """Whether anything has that name, be it a link that leads nowhere."""
    try:
        find_itself(sftp, remote)
    except TransferError as exc:
        if isinstance(exc.__cause__, FileNotFoundError):
            return False
        raise
    return True


def names(sftp: Sftp, remote: windows.GuestPath) -> list[str]:
    """The names in a directory, sorted.

    :raises TransferError: there is no such directory.
    """
    path = windows.absolute(remote)
    with asking(sftp, "list", path):
        return sorted(sftp.listdir(sftp_path(path)))


def remove(sftp: Sftp, remote: windows.GuestPath) -> None:
    """Remove a file, read-only or not, an empty directory, or a link, which is not followed.

    :raises TransferError: it is missing, in use or a directory that is not empty.
    """
    path = windows.absolute(remote)
    name = sftp_path(path)
    with asking(sftp, "remove", path):
        mode = sftp.lstat(name).st_mode or 0
        if stat.S_ISDIR(mode):
            sftp.rmdir(name)
            return
        try:
            sftp.remove(name)
        except OSError:
            _remove_stubborn(sftp, name, mode)


def _remove_stubborn(sftp: Sftp, name: str, mode: int) -> None:
    if stat.S_ISLNK(mode):
        sftp.rmdir(name)  # a symbolic link to a directory: RemoveDirectory takes the link itself away
        return
    sftp.chmod(name, 0o666)  # DeleteFile refuses read-only files
    try:
        once_let_go(sftp, lambda: sftp.remove(name), HELD_SECONDS)
    except OSError as exc:
        if _may_be_held(sftp, exc) and not mode & stat.S_IWUSR:
            sftp.chmod(name, 0o444)  # it stays, and so does its mark
        raise


def once_let_go(sftp: Sftp, action: Callable[[], T], seconds: float) -> T:
    """Do something with a file that somebody else may have open for so many seconds.

    :raises OSError: it still cannot be done, or not for that reason.
    """
    deadline = Deadline(seconds)
    while True:
        try:
            return action()
        except OSError as exc:
            if deadline.passed or not _may_be_held(sftp, exc):
                raise
        sleep(deadline.at_most(_HELD_PAUSE))  # nothing tells when it is let go


def _may_be_held(sftp: Sftp, refusal: OSError) -> bool:
    return refusal.errno != errno.ENOENT and not sftp.get_channel().closed


def make_directories(sftp: Sftp, remote: windows.GuestPath) -> list[str]:
    """Create the directory `remote` and all above it that are missing.

    :returns: those that were created, the topmost first.
    """
    missing = []
    path = windows.absolute(remote)
    while not _is_directory(sftp, path):
        missing.append(path)
        if windows.parent(path) == path:
            raise TransferError(f"the guest has no drive {path[:2]}")
        path = windows.parent(path)
    made: list[str] = []
    try:
        for directory in reversed(missing):
            try:
                with asking(sftp, "create", directory):
                    sftp.mkdir(sftp_path(directory))
                made.append(directory)
            except TransferError:
                if not _is_directory(sftp, directory):  # somebody else may have just made it
                    raise
    except BaseException:
        _unmake(sftp, made)
        raise
    return made


@contextmanager
def made(sftp: Sftp, remote: windows.GuestPath) -> Iterator[None]:
    """The directory `remote` for the block; what of it was created goes again if the block fails."""
    created = make_directories(sftp, remote)
    try:
        yield
    except GuestUnreachable as exc:
        left, steps = getattr(exc, "left", ()), getattr(exc, "steps", ())
        raise TransferInterrupted(str(exc), (*left, *reversed(created)), steps) from exc
    except BaseException:
        _unmake(sftp, created)
        raise


def home(sftp: Sftp) -> str:
    """The user's profile directory, where SFTP starts (Win32-OpenSSH's sftp-server)."""
    with asking(sftp, "look up", "the user's profile directory"):
        return str(PureWindowsPath((sftp.normalize(".") or "").lstrip("/")))


def aside_of(target: str) -> str:
    """A name beside `target` that nobody else has."""
    return windows.joined(windows.parent(target), f".{uuid.uuid4().hex[:12]}{MARK}")


@contextmanager
def aside(sftp: Sftp, path: str) -> Iterator[str]:
    """A file of ours in the guest that is gone after the block.

    :raises TransferInterrupted: the connection broke inside; names the file as left.
    """
    try:
        yield path
    except GuestUnreachable as exc:
        left, steps = getattr(exc, "left", ()), getattr(exc, "steps", ())
        raise TransferInterrupted(str(exc), (*left, path), steps) from exc
    finally:
        with suppress(*BROKEN):  # it has taken its place, was never created, or the connection is gone
            sftp.remove(sftp_path(path))


def set_attributes(sftp: Sftp, path: str, modified: int, read_only: bool) -> None:
    """Give a file a time of last change, and the read-only mark, which is all Windows' sftp-server makes of a mode."""
    with asking(sftp, "set the time of", path):
        told = min(max(0, modified), _TIME_MAX)
        sftp.utime(sftp_path(path), (told, told))
        if read_only:
            sftp.chmod(sftp_path(path), 0o444)


def described(attributes: SftpAttributes) -> FileStat:
    """What SFTP says of a file, in our words."""
    mode = attributes.st_mode or 0
    return FileStat(
        size=attributes.st_size or 0,
        modified=float(attributes.st_mtime or 0),
        is_directory=stat.S_ISDIR(mode),
        read_only=not stat.S_ISDIR(mode) and not mode & stat.S_IWUSR,
    )


def _unmake(sftp: Sftp, created: list[str]) -> None:
    for directory in reversed(created):
        try:
            sftp.rmdir(sftp_path(directory))
        except BROKEN:
            return  # somebody put something into it, or the connection is gone


def _is_directory(sftp: Sftp, path: str) -> bool:
    found = find(sftp, path)
    return found is not None and found.is_directory
