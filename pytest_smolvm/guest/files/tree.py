"""Whole directories in and out of a guest: brought aside, and put in place when all is there."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pytest_smolvm.errors import GuestUnreachable, TransferError, TransferInterrupted, UsageError
from pytest_smolvm.guest import names
from pytest_smolvm.guest.files import fetching, file, filesystem, merge, removal, scan, sending
from pytest_smolvm.guest.files.sides import Here, There
from pytest_smolvm.guest.link.sftp import asking, sftp_path
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.names import GuestPath


def upload(
    ssh: Ssh,
    local: str | os.PathLike[str],
    remote: GuestPath,
    *,
    verify: bool = False,
    progress: file.OnBytes | None = None,
) -> list[str]:
    r"""Copy a directory of the host with all that is in it to the absolute Windows path `remote`; all or nothing.

    Into a directory that exists the tree is merged: what it does not bring stays. Times, to the second, and read-only
    marks go with it. Symbolic links are followed. The whole tree is checked before anything is sent.

    :param verify: read back all files and compare, before they take their place.
    :returns: directories that could not be removed: what was replaced in them is in use, as a running program's files.
    :raises UsageError: Windows cannot have such a tree; see :func:`scan.scan`.
    :raises TransferError: the guest refused; it is as it was before.
    """
    target = names.absolute(remote)
    entries = scan.scan(Path(local).expanduser(), target)
    total, left = sum(entry.size for entry in entries), list[str]()
    with filesystem.made(ssh.sftp, names.parent(target)), _staging(ssh, target, left) as (fresh, attic):
        digests = sending.send(ssh, entries, fresh, lambda sent: progress(sent, total) if progress else None)
        if verify:
            _compare(digests, fetching.fetch(ssh, fresh, None), target)
        _put_in_place_there(ssh, fresh, target, attic)
    return left


def download(
    ssh: Ssh,
    remote: GuestPath,
    local: str | os.PathLike[str],
    *,
    verify: bool = False,
    progress: file.OnBytes | None = None,
) -> None:
    """Copy a directory of the guest to the host, as :func:`upload` does the other way.

    :param progress: called with the bytes of the stream so far, twice: how many are to come is not known.
    :raises TransferError: it is missing or cannot be read, has a link that leads nowhere or back, or the host cannot
        hold it; the host is as it was before.
    """
    source, path = names.absolute(remote), Path(local).expanduser().absolute()
    if not filesystem.look(ssh.sftp, source).is_directory:
        raise TransferError(f"{source} is not a directory of the guest")
    if os.path.exists(path) and not os.path.isdir(path):  # noqa: PTH112  # pathlib's raises for long names
        raise UsageError(f"{path} is not a directory; a directory cannot be downloaded to it")
    with file.made_here(path.parent):
        staging = path.parent / f".{uuid.uuid4().hex[:12]}.smolvm"
        fresh, attic = staging / "new", staging / "old"
        try:
            fresh.mkdir(parents=True)
            attic.mkdir()
            fetched = fetching.fetch(ssh, source, fresh, progress)
            if verify:
                _compare(fetched, fetching.fetch(ssh, source, None), source)
            merge.put_in_place(Here(), os.fspath(fresh), os.fspath(path), os.fspath(attic), [])
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _staging(ssh: Ssh, target: str, left: list[str]) -> Iterator[tuple[str, str]]:
    """A directory beside `target`, on the same volume, with room for what comes and what is replaced.

    :param left: gets the directory if all has been done but to remove it.
    """
    place = filesystem.aside_of(target)
    with asking(ssh.sftp, "write", target):
        ssh.sftp.mkdir(sftp_path(place))
    try:
        attic = names.joined(place, "old")
        with asking(ssh.sftp, "write", target):
            ssh.sftp.mkdir(sftp_path(attic))
        yield names.joined(place, "new"), attic
    except GuestUnreachable as exc:
        raise TransferInterrupted(str(exc), (place,), getattr(exc, "steps", ())) from exc
    except BaseException as exc:
        try:
            removal.remove(ssh, place)
        except TransferError as second:
            exc.add_note(f"left in the guest: {place} ({second})")
        raise
    try:
        filesystem.remove(ssh.sftp, attic)  # both empty, if nothing was replaced
        filesystem.remove(ssh.sftp, place)
    except TransferError:
        left += removal.still_there(ssh, [place])
    except GuestUnreachable:
        left.append(place)


def _put_in_place_there(ssh: Ssh, fresh: str, target: str, attic: str) -> None:
    steps: list[merge.Step] = []
    try:
        merge.put_in_place(There(ssh.sftp), fresh, target, attic, steps)
    except GuestUnreachable as exc:
        raise TransferInterrupted(str(exc), steps=tuple(steps)) from exc


def _compare(here: Mapping[str, bytes], there: Mapping[str, bytes], shown: str) -> None:
    wrong = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
    if wrong:
        raise TransferError(f"{shown}: checksums differ on the two sides: {', '.join(wrong[:10])}")
