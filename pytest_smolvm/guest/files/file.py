"""Single files in and out of a guest, over SFTP."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from pytest_smolvm.errors import TransferError, UsageError
from pytest_smolvm.guest import names
from pytest_smolvm.guest.files import filesystem, renaming
from pytest_smolvm.guest.link.channels import BROKEN
from pytest_smolvm.guest.link.sftp import Sftp, SftpFile, asking, sftp_path
from pytest_smolvm.host.progress import nothing

OnBytes = Callable[[int, int], object]
"""Called with the bytes moved so far and the bytes there are."""
Also = Callable[[bytes], object]
"""Called with bytes that pass by."""

# What fits into four packets of SSH with SFTP's own words around it. Each write costs the guest an answer, and what is
# written with one call paramiko copies again for each part. OpenSSH's server takes up to 256 KiB, in every version.
_CHUNK = 4 * (32768 - 512)
# paramiko asks for all of a file at once; in pieces, what waits to be read stays bounded.
_PIECE = 8 << 20
_REQUEST = 32768


class Target(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object:
        """Take `data`."""


class _Nowhere:
    def write(self, data: bytes, /) -> None:
        """Drop `data`."""


def upload(
    sftp: Sftp,
    local: str | os.PathLike[str],
    remote: names.GuestPath,
    *,
    verify: bool = False,
    progress: OnBytes | None = None,
) -> list[str]:
    r"""Copy a file of the host to the absolute Windows path `remote`, creating its directories; all or nothing.

    The time of its last change, to the second, and whether it is read-only go with it; of a time before 1970 or after
    2106 the nearest that SFTP has. A symbolic link is followed.

    :param verify: read it back and compare, before it takes its place.
    :returns: what could not be removed of the file that was there, as a program that runs; it is to be when it can.
    :raises UsageError: there is no such file here, or Windows cannot have that path.
    :raises TransferError: the guest refused, or what arrived is not what was sent.
    """
    target = names.absolute(remote)
    path = Path(local).expanduser()
    if not os.path.isfile(path):  # noqa: PTH113  # pathlib's raises for a name that is too long
        raise UsageError(f"{path} is not a file" if os.path.exists(path) else f"there is no file {path} to upload")
    with open(path, "rb") as source:
        status = os.fstat(source.fileno())
        with _replacing(sftp, target) as (aside, left):
            digest = hashlib.sha256()
            also: Also = nothing
            if verify:
                also = digest.update
            send(sftp, source, aside, target, size=status.st_size, progress=progress, also=also)
            if verify:
                _compare(digest.digest(), sftp, aside, target, renaming.SCANNED_SECONDS)
            filesystem.set_attributes(sftp, aside, int(status.st_mtime), not status.st_mode & stat.S_IWUSR)
    return left


def write(sftp: Sftp, remote: names.GuestPath, content: bytes) -> list[str]:
    """Make `content` the whole of the file `remote`, as :func:`upload` does."""
    target = names.absolute(remote)
    with _replacing(sftp, target) as (aside, left):
        send(sftp, io.BytesIO(content), aside, target, size=len(content))
    return left


def read(sftp: Sftp, remote: names.GuestPath) -> bytes:
    """The whole of the file `remote`.

    :raises TransferError: it is missing or cannot be read.
    """
    content = io.BytesIO()
    receive(sftp, names.absolute(remote), content)
    return content.getvalue()


def download(
    sftp: Sftp,
    remote: names.GuestPath,
    local: str | os.PathLike[str],
    *,
    verify: bool = False,
    progress: OnBytes | None = None,
) -> None:
    """Copy the file `remote` to the host, creating missing directories; all or nothing, with time and read-only mark.

    :param verify: read it twice and compare.
    :raises TransferError: it is missing or cannot be read.
    :raises UsageError: `local` cannot be written on this host.
    """
    target = names.absolute(remote)
    path = Path(local).expanduser()
    if os.path.isdir(path):  # noqa: PTH112  # pathlib's raises for a name that is too long
        raise UsageError(f"{path} is a directory; give the name of the file to download to")
    with made_here(path.parent), _writing(path):
        aside = path.with_name(f".{uuid.uuid4().hex[:12]}{filesystem.MARK}")  # a long name has no room for more
        try:
            digest = hashlib.sha256()
            also: Also = nothing
            if verify:
                also = digest.update
            with open(aside, "xb") as out:
                receive(sftp, target, out, progress, also)
            if verify:
                _compare(digest.digest(), sftp, target, target)
            keep_attributes(aside, filesystem.look(sftp, target))
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


@contextmanager
def made_here(directory: Path) -> Iterator[None]:
    """As :func:`made`, for a directory of the host.

    :raises UsageError: it cannot be created.
    """
    created = [path for path in (directory, *directory.parents) if not os.path.exists(path)]
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(f"cannot create the directory {directory} to download into: {exc.strerror}") from exc
    try:
        yield
    except BaseException:
        for path in created:
            if not any(path.iterdir()):
                path.rmdir()
        raise


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:  # the guest's were made ours where they arose
        raise TransferError(f"could not write {path}: {exc.strerror}") from exc


def send(
    sftp: Sftp,
    source: BinaryIO,
    path: str,
    shown: str,
    *,
    size: int = 0,
    progress: OnBytes | None = None,
    also: Also = nothing,
) -> None:
    """Write what is left of `source` to a new file.

    :param shown: the name of it in errors.
    :param size: bytes to come, for `progress`.
    :param also: called with each piece.
    """
    sent = 0
    with _opened(sftp, path, "wb", "write", shown) as out:
        out.set_pipelined(True)  # or each piece would wait for an answer
        while chunk := _chunk(source, shown):
            with asking(sftp, "write", shown):
                out.write(chunk)
            also(chunk)
            sent += len(chunk)
            if progress is not None:
                progress(sent, max(size, sent))
    with asking(sftp, "write", shown):
        arrived = sftp.stat(
            sftp_path(path)
        ).st_size  # tells of late failures, too: paramiko reads no answer to the last writes
        if arrived != sent:
            raise TransferError(
                f"the guest could not write {shown}: {arrived} of {sent} bytes arrived; is its disk full?"
            )


def receive(
    sftp: Sftp, path: str, out: Target, progress: OnBytes | None = None, also: Also = nothing, *, held: float = 0.0
) -> None:
    """Copy the file `path` of the guest to `out`.

    :param also: called with each piece.
    :param held: seconds for which somebody who shares nothing may have it open.
    """
    got = 0
    with _opened(sftp, path, "rb", "read", path, held=held) as source:
        with asking(sftp, "read", path):
            size = source.stat().st_size or 0
        while True:
            with asking(sftp, "read", path):
                piece = _piece(source, got, size)
            if not piece:
                return
            out.write(piece)
            also(piece)
            got += len(piece)
            if progress is not None:
                progress(got, max(size, got))


@contextmanager
def _opened(sftp: Sftp, path: str, mode: str, verb: str, shown: str, *, held: float = 0.0) -> Iterator[SftpFile]:
    with asking(sftp, verb, shown):
        file = filesystem.once_let_go(sftp, lambda: sftp.open(sftp_path(path), mode), held)
    try:
        yield file
    finally:
        with suppress(*BROKEN):  # the connection is gone, as the next call tells
            file.close()


def _piece(source: SftpFile, start: int, size: int) -> bytes:
    end = min(start + _PIECE, size)
    if end > start:  # all requests of a piece are under way at once
        return b"".join(source.readv([(at, min(_REQUEST, end - at)) for at in range(start, end, _REQUEST)]))
    source.seek(start)
    rest: bytes = source.read(_REQUEST)  # what was added meanwhile
    return rest


def keep_attributes(path: Path, found: filesystem.FileStat) -> None:
    """Give a file of the host the time and the read-only mark of one in the guest."""
    os.utime(path, (found.modified, found.modified))
    if found.read_only:
        path.chmod(path.stat().st_mode & ~0o222)


@contextmanager
def _replacing(sftp: Sftp, target: str) -> Iterator[tuple[str, list[str]]]:
    """A file to fill, which then takes the place of `target`, so that nobody sees half a file; and what is left."""
    left: list[str] = []
    with filesystem.made(sftp, names.parent(target)), filesystem.aside(sftp, filesystem.aside_of(target)) as path:
        yield path, left
        left += renaming.replace(sftp, path, target)


def _chunk(source: BinaryIO, shown: str) -> bytes:
    try:
        return source.read(_CHUNK)
    except OSError as exc:
        raise TransferError(f"could not read what was to become {shown}: {exc}") from exc


def _compare(digest: bytes, sftp: Sftp, path: str, shown: str, held: float = 0.0) -> None:
    there = hashlib.sha256()
    receive(sftp, path, _Nowhere(), also=there.update, held=held)
    if there.digest() != digest:
        raise TransferError(f"{shown}: its checksum differs on the two sides")
