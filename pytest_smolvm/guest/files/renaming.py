"""Giving files of a guest other names, where others look into what is new and old servers replace in two steps."""

from __future__ import annotations

import errno

from pytest_smolvm.errors import GuestUnreachable, TransferError, TransferInterrupted
from pytest_smolvm.guest.files import filesystem
from pytest_smolvm.guest.link.sftp import Sftp, asking, server_of, sftp_path
from pytest_smolvm.host.clock import sleep
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline

# Defender and the indexer open what was just written, without sharing its removal. Nothing tells when they have done.
SCANNED_SECONDS = stretched(30.0)
"""How long that may take."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


def move(sftp: Sftp, source: str, target: str) -> None:
    """Rename a file or directory to a name that nothing has; tries again for a while as long as Windows refuses.

    :raises TransferError: it still refuses.
    """
    deadline, pause = Deadline(SCANNED_SECONDS), _FIRST_PAUSE
    while True:
        try:
            with asking(sftp, "write", target):
                sftp.posix_rename(sftp_path(source), sftp_path(target))
        except TransferError as exc:
            if deadline.passed or not _may_pass(sftp, exc, source, target):
                raise
        else:
            return
        sleep(deadline.at_most(pause))
        pause = min(2 * pause, _LONGEST_PAUSE)


def replace(sftp: Sftp, source: str, target: str) -> list[str]:
    """Rename a file to a name that another file may have, read-only or not, which is gone then.

    :returns: where the other one still is if it cannot be removed, as a program that runs.
    :raises TransferError: Windows refuses; the other one is as it was.
    :raises TransferInterrupted: the connection broke; names the steps that are to be undone.
    """
    found = filesystem.find(sftp, target)
    fixed = found is not None and found.read_only
    if fixed:
        _set_read_only(sftp, target, False)  # MoveFileEx refuses to replace it, unlike a rename on the host
    try:
        if found is not None and not found.is_directory and server_of(sftp).before(8, 6):
            return _replace_in_steps(sftp, source, target)
        move(sftp, source, target)
    except BaseException as exc:
        if fixed and not isinstance(exc, GuestUnreachable):
            _set_read_only(sftp, target, True)
        raise
    return []


def _replace_in_steps(sftp: Sftp, source: str, target: str) -> list[str]:
    """For sshd before 8.6, which removes the target and then renames: if that fails, there is none of the two."""
    old = filesystem.aside_of(target)
    try:
        move(sftp, target, old)
        try:
            move(sftp, source, target)
        except BaseException as exc:
            if not isinstance(exc, GuestUnreachable):
                move(sftp, old, target)
            raise
    except GuestUnreachable as exc:
        raise TransferInterrupted(str(exc), steps=((target, old), (source, target))) from exc
    try:
        filesystem.remove(sftp, old)
    except (TransferError, GuestUnreachable):  # the new one is in its place all the same
        return [old]
    return []


def _may_pass(sftp: Sftp, refusal: TransferError, source: str, target: str) -> bool:
    """Whether what Windows refuses may be possible in a moment."""
    if getattr(refusal.__cause__, "errno", None) == errno.ENOENT:
        return False
    there = filesystem.find(sftp, target)
    return filesystem.is_there(sftp, source) and (there is None or not there.is_directory)


def _set_read_only(sftp: Sftp, path: str, read_only: bool) -> None:
    with asking(sftp, "write", path):
        sftp.chmod(sftp_path(path), 0o444 if read_only else 0o666)
