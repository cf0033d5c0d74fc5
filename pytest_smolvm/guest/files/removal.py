"""Removing whole directories of a guest, and nothing that their links lead to."""

from __future__ import annotations

import stat
from collections.abc import Sequence

from pytest_smolvm.errors import CommandFailed, GuestUnreachable, TransferError, TransferInterrupted
from pytest_smolvm.guest import names
from pytest_smolvm.guest.commands import powershell, run
from pytest_smolvm.guest.files import filesystem, merge
from pytest_smolvm.guest.files.sides import There
from pytest_smolvm.guest.link.sftp import Sftp, SftpAttributes, asking, sftp_path
from pytest_smolvm.guest.link.ssh import Ssh

# cmd.exe changes into no directory with a longer path, and has no way to quote a percent sign.
_CD_MAX = 240
_AT_ONCE = 500  # directories
_LINK = "link"
_REPARSE_POINT = 0x400
# .NET Framework, as PowerShell has it, refuses paths of more than 260 characters.
_TELL_JUNCTIONS = rf"""
$Native = New-Native 'GetFileAttributesW'
foreach ($path in $args) {{
    $bits = $Native::GetFileAttributesW("\\?\$path")
    if ($bits -ne -1 -and $bits -band {_REPARSE_POINT}) {{ '{_LINK}' }} else {{ 'none' }}
}}
"""


def plain(path: str) -> bool:
    """Whether cmd.exe can be told of a directory."""
    return "%" not in path and len(path) <= _CD_MAX


def remove(ssh: Ssh, path: str) -> None:
    """Remove a directory with all that is in it; links and junctions go themselves, what they lead to stays.

    :raises TransferError: something in it could not be removed.
    """
    if _removed(ssh.sftp, path):
        return
    if plain(path):
        # /s takes read-only files along and stops at links; its exit code tells nothing. What it does to a link that it
        # is given itself differs from one to the other, so it is not given any: their attributes have an l.
        attributes = rf'for %i in ("{path}") do @for /f "tokens=2 delims=l" %j in ("%~ai.") do @exit 1'
        run.run(ssh, rf'({attributes}) & rd /s /q "{path}"', shell="cmd")
        if not filesystem.is_there(ssh.sftp, path):
            return
    _remove_filled(ssh, path)


def junctions(ssh: Ssh, paths: Sequence[str]) -> set[str]:
    """Which directories are links to others. No version of Windows' sshd tells junctions from directories.

    :raises TransferError: the guest did not say.
    """
    try:
        said = run.run(ssh, powershell.text_of("native") + _TELL_JUNCTIONS, args=list(paths)).check().stdout.split()
    except CommandFailed as exc:
        raise TransferError(f"the guest could not tell whether {', '.join(paths)} are links: {exc}") from exc
    return {path for path, what in zip(paths, said, strict=True) if what == _LINK}


def sweep(ssh: Ssh, broken: TransferInterrupted) -> None:
    """Undo what a broken transfer did and remove what it left: files, trees of ours, directories if they are empty."""
    merge.undo(There(ssh.sftp), [merge.Step(*step) for step in broken.steps])
    for path in broken.left:
        found = filesystem.find(ssh.sftp, path)
        if found is None:
            continue
        if found.is_directory and path.endswith(filesystem.MARK):
            remove(ssh, path)
            continue
        try:
            filesystem.remove(ssh.sftp, path)
        except TransferError:
            if not found.is_directory:  # else somebody put something into it
                raise


def still_there(ssh: Ssh, places: Sequence[str]) -> list[str]:
    """Remove directories, as far as that is possible; those that are left."""
    left = []
    for place in places:
        try:
            if filesystem.find(ssh.sftp, place) is not None:
                remove(ssh, place)
        except (TransferError, GuestUnreachable):
            left.append(place)
    return left


def _removed(sftp: Sftp, path: str) -> bool:
    """Whether RemoveDirectory does: it takes away empty directories, and junctions wherever they lead."""
    try:
        with asking(sftp, "remove", path):
            sftp.rmdir(sftp_path(path))
    except TransferError:
        return False
    return True


def _remove_filled(ssh: Ssh, path: str) -> None:
    """Remove a directory that RemoveDirectory did not, with what is in it, each by its own."""
    directories, links = _parted(ssh, path)
    if path in links:
        raise TransferError(f"the guest could not remove {path}, which is a link to another directory")
    for directory in directories:
        for item in _inside(ssh.sftp, directory):
            if not stat.S_ISDIR(item.st_mode or 0):
                filesystem.remove(ssh.sftp, names.joined(directory, item.filename))
    for directory in [*links, *reversed(directories)]:
        filesystem.remove(ssh.sftp, directory)


def _parted(ssh: Ssh, path: str) -> tuple[list[str], list[str]]:
    """A directory and those below it, each before what is in it; and the links among these, which nothing follows.

    To ask starts a PowerShell: some directories are looked into beforehand, and forgotten if a link led there.
    """
    directories, links, waiting = list[str](), list[str](), [path]
    while waiting:
        asked = list[str]()
        while waiting and len(asked) < _AT_ONCE:
            asked.append(waiting.pop(0))
            waiting += _directories(ssh.sftp, asked[-1])
        found = junctions(ssh, asked)
        beyond = tuple(f"{link}\\" for link in found)
        links += [directory for directory in asked if directory in found and not directory.startswith(beyond)]
        directories += [directory for directory in asked if directory not in found and not directory.startswith(beyond)]
        waiting = [directory for directory in waiting if not directory.startswith(beyond)]
    return directories, links


def _directories(sftp: Sftp, path: str) -> list[str]:
    """The directories in one; none in one that nobody may list, as of Windows' own junctions."""
    try:
        inside = _inside(sftp, path)
    except TransferError:
        return []
    return [names.joined(path, item.filename) for item in inside if stat.S_ISDIR(item.st_mode or 0)]


def _inside(sftp: Sftp, path: str) -> list[SftpAttributes]:
    with asking(sftp, "list", path):
        return sftp.listdir_attr(sftp_path(path))
