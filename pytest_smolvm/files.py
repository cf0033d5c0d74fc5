"""Files in and out of a guest, over SFTP."""

from __future__ import annotations

import errno
import io
import os
import stat
import uuid
from pathlib import Path, PureWindowsPath
from typing import BinaryIO

import paramiko

from pytest_smolvm import windows
from pytest_smolvm.errors import GuestUnreachable, TransferError, UsageError


def upload(sftp: paramiko.SFTPClient, local: str | os.PathLike[str], remote: str) -> None:
    r"""Copy a file of the host to the absolute Windows path `remote`, creating its directories; all or nothing.

    :raises UsageError: there is no such file here, or Windows cannot have that path.
    :raises TransferError: the guest refused.
    """
    target = windows.absolute(remote)
    path = Path(local).expanduser()
    if not path.is_file():
        raise UsageError(f"{path} is not a file" if path.exists() else f"there is no file {path} to upload")
    with open(path, "rb") as source:
        _replace(sftp, source, target)


def write(sftp: paramiko.SFTPClient, remote: str, content: bytes) -> None:
    """Make `content` the whole of the file `remote`, as :func:`upload` does."""
    _replace(sftp, io.BytesIO(content), windows.absolute(remote))


def read(sftp: paramiko.SFTPClient, remote: str) -> bytes:
    """The whole of the file `remote`.

    :raises TransferError: it is missing or cannot be read.
    """
    target = windows.absolute(remote)
    try:
        with sftp.open(sftp_path(target), "rb") as source:
            source.prefetch()
            content: bytes = source.read()
            return content
    except OSError as exc:
        raise _refused("read", target, exc) from exc
    except (paramiko.SSHException, EOFError) as exc:
        raise GuestUnreachable(f"the SSH connection broke while {target} was read") from exc


def download(sftp: paramiko.SFTPClient, remote: str, local: str | os.PathLike[str]) -> None:
    """Copy the file `remote` to the host; all or nothing.

    :raises TransferError: it is missing or cannot be read.
    :raises UsageError: the host has no such directory.
    """
    target = windows.absolute(remote)
    path = Path(local).expanduser()
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory {path.parent} to download into")
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        sftp.get(sftp_path(target), os.fspath(aside))
        aside.replace(path)
    except OSError as exc:
        raise _refused("read", target, exc) from exc
    except (paramiko.SSHException, EOFError) as exc:
        raise GuestUnreachable(f"the SSH connection broke while {target} was read") from exc
    finally:
        aside.unlink(missing_ok=True)


def make_directories(sftp: paramiko.SFTPClient, remote: str) -> None:
    """Create the directory `remote` and all above it that are missing."""
    missing = []
    path = windows.absolute(remote)
    while not _is_directory(sftp, path):
        missing.append(path)
        if windows.parent(path) == path:
            raise TransferError(f"the guest has no drive {path[:2]}")
        path = windows.parent(path)
    for directory in reversed(missing):
        try:
            sftp.mkdir(sftp_path(directory))
        except OSError as exc:
            if not _is_directory(sftp, directory):  # somebody else may have just made it
                raise _refused("create", directory, exc) from exc


def home(sftp: paramiko.SFTPClient) -> str:
    """The user's profile directory, where SFTP starts (Win32-OpenSSH's sftp-server)."""
    return str(PureWindowsPath((sftp.normalize(".")).lstrip("/")))


def sftp_path(path: str) -> str:
    """An absolute Windows path as Win32-OpenSSH's SFTP server names it: ``/C:/x`` (misc.c, realpath)."""
    return "/" + path.replace("\\", "/")


def _replace(sftp: paramiko.SFTPClient, source: BinaryIO, target: str) -> None:
    make_directories(sftp, windows.parent(target))
    # Written aside and renamed, so that nobody ever sees half a file; MoveFileEx under this name replaces.
    aside = sftp_path(windows.parent(target)).rstrip("/") + f"/.{uuid.uuid4().hex[:12]}.smolvm"
    try:
        try:
            sftp.putfo(source, aside, confirm=True)
            sftp.posix_rename(aside, sftp_path(target))
        except BaseException:
            _discard(sftp, aside)
            raise
    except OSError as exc:
        raise _refused("write", target, exc) from exc
    except (paramiko.SSHException, EOFError) as exc:
        raise GuestUnreachable(f"the SSH connection broke while {target} was written") from exc


def _discard(sftp: paramiko.SFTPClient, path: str) -> None:
    try:
        sftp.remove(path)
    except (OSError, EOFError, paramiko.SSHException):
        pass  # it was never created, or the connection is gone


def _is_directory(sftp: paramiko.SFTPClient, path: str) -> bool:
    try:
        return stat.S_ISDIR(sftp.stat(sftp_path(path)).st_mode or 0)
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise _refused("look at", path, exc) from exc
    except (paramiko.SSHException, EOFError) as exc:
        raise GuestUnreachable(f"the SSH connection broke while {path} was looked at") from exc


def _refused(verb: str, path: str, exc: OSError) -> TransferError:
    if exc.errno == errno.ENOENT:
        return TransferError(f"the guest could not {verb} {path}: no such file or directory")
    if exc.errno == errno.EACCES:
        return TransferError(f"the guest could not {verb} {path}: access denied")
    # Win32-OpenSSH reports sharing violations, a full disk and more as one generic failure.
    return TransferError(f"the guest could not {verb} {path}: {exc} (is it open in a program, a directory, or the disk full?)")
