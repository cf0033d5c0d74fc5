"""A tree of this host, brought into a directory of the guest: by tar.exe, or file by file where that refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from pytest_smolvm.errors import TransferError
from pytest_smolvm.guest import names
from pytest_smolvm.guest.commands.output import Output
from pytest_smolvm.guest.files import file, filesystem, removal
from pytest_smolvm.guest.files.scan import TreeEntry
from pytest_smolvm.guest.files.tar import Packing
from pytest_smolvm.guest.link.sftp import Sftp, asking, sftp_path
from pytest_smolvm.guest.link.ssh import Ssh


def send(ssh: Ssh, entries: Sequence[TreeEntry], place: str, progress: Callable[[int], object]) -> dict[str, bytes]:
    """Make the directory `place` and all of `entries` in it, with times and read-only marks.

    Where Windows has no tar.exe, which it has since version 10 (1803), or that refuses, each file goes by itself.

    :param progress: called with the bytes of content sent so far.
    :returns: SHA-256 digests of all files, by their names.
    :raises TransferError: the guest refused, or a file of the host could not be read.
    """
    packing = Packing(entries, place[3:].replace("\\", "/"), progress)
    refusal = _unpack_there(ssh, packing, place)
    digests = packing.digests
    if refusal:
        try:
            digests = _send_each(ssh, entries, place, progress)
        except TransferError as exc:
            exc.add_note(refusal)
            raise
    _mark_read_only(ssh.sftp, place, entries)
    return digests


def _unpack_there(ssh: Ssh, packing: Packing, place: str) -> str:
    """Have tar.exe unpack a stream.

    :returns: what it said if it did not unpack all of it, else nothing.
    """
    # Names in the stream begin at the drive's root, so that the command line has no name of the user's in it: neither
    # cmd.exe's percent signs nor its limit on directories apply, nor tar.exe's code page. -P unpacks through links.
    said = Output(ssh.code_page)
    code = ssh.execute(f"tar.exe -xPf - -C {place[:3]}", on_stdout=said.write, on_stderr=said.write, stdin=packing)
    if packing.failure is not None:
        raise packing.failure
    if code == 0:
        return ""
    return f"the guest's tar.exe could not unpack (exit code {code}):\n{said.text.strip()[-2000:]}"


def _send_each(
    ssh: Ssh, entries: Sequence[TreeEntry], place: str, progress: Callable[[int], object]
) -> dict[str, bytes]:
    if filesystem.is_there(ssh.sftp, place):
        removal.remove(ssh, place)  # what tar.exe has unpacked of it
    digests: dict[str, bytes] = {}
    sent = 0
    with asking(ssh.sftp, "create", place):
        ssh.sftp.mkdir(sftp_path(place))
    for entry in entries:
        path = names.joined(place, *entry.name.split("/"))
        if entry.is_directory:
            with asking(ssh.sftp, "create", path):
                ssh.sftp.mkdir(sftp_path(path))
        else:
            digests[entry.name] = _send_file(ssh.sftp, entry, path)
            sent += entry.size
            progress(sent)
    return digests


def _send_file(sftp: Sftp, entry: TreeEntry, path: str) -> bytes:
    digest = hashlib.sha256()
    try:
        with open(entry.path, "rb") as source:
            file.send(sftp, source, path, path, size=entry.size, also=digest.update)
    except OSError as exc:  # the guest's were made ours where they arose
        raise TransferError(f"could not read {entry.path}: {exc.strerror}") from exc
    filesystem.set_attributes(sftp, path, entry.modified, read_only=False)
    return digest.digest()


def _mark_read_only(sftp: Sftp, directory: str, entries: Sequence[TreeEntry]) -> None:
    """On Windows libarchive makes every file writable, whatever the archive says (archive_write_disk_windows.c)."""
    for entry in entries:
        if entry.read_only:
            path = names.joined(directory, entry.name)
            with asking(sftp, "make read-only", path):
                sftp.chmod(sftp_path(path), 0o444)
