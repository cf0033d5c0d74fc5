"""Whole directories in and out of a guest: one tar stream, unpacked aside and put in place when it is complete.

The guest's side is tar.exe, which Windows has since version 10 (1803).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pytest_smolvm.errors import GuestUnreachable, TransferError, TransferInterrupted, UsageError
from pytest_smolvm.guest import names
from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.commands.output import text
from pytest_smolvm.guest.files import file, filesystem, merge, scan
from pytest_smolvm.guest.files.sides import Here, There
from pytest_smolvm.guest.files.tar import Packing, Unpacking, new
from pytest_smolvm.guest.link.sftp import Sftp, asking, sftp_path
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.names import GuestPath

# cmd.exe changes into no directory with a longer path, and has no way to quote a percent sign.
_CD_MAX = 240
_LINKS_DEEP = 32


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
        packing = Packing(
            entries, fresh[3:].replace("\\", "/"), lambda packed: progress(packed, total) if progress else None
        )
        _unpack_there(ssh, packing, fresh)
        _mark_read_only(ssh.sftp, fresh, entries)
        if verify:
            _compare(packing.digests, _fetch(ssh, fresh, None), target)
        _put_in_place_there(ssh, fresh, target, attic)
    return left


def _mark_read_only(sftp: Sftp, directory: str, entries: Sequence[scan.TreeEntry]) -> None:
    """On Windows libarchive makes every file writable, whatever the archive says (archive_write_disk_windows.c)."""
    for entry in entries:
        if entry.read_only:
            path = names.joined(directory, entry.name)
            with asking(sftp, "make read-only", path):
                sftp.chmod(sftp_path(path), 0o444)


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
            fetched = _fetch(ssh, source, fresh, progress)
            if verify:
                _compare(fetched, _fetch(ssh, source, None), source)
            merge.put_in_place(Here(), os.fspath(fresh), os.fspath(path), os.fspath(attic), [])
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def remove(ssh: Ssh, path: str) -> None:
    """Remove a directory with all that is in it; links in it are removed, not followed.

    :raises TransferError: something in it could not be removed.
    """
    if _plain(path):
        # /s takes read-only files along and stops at links; its exit code tells nothing.
        run.run(ssh, rf'rd /s /q "{path}"', shell="cmd")
        if filesystem.find(ssh.sftp, path) is None:
            return
    _remove_each(ssh.sftp, path)


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


def _remove_each(sftp: Sftp, path: str) -> None:
    with asking(sftp, "list", path):
        inside = sftp.listdir_attr(sftp_path(path))
    for item in inside:
        below = names.joined(path, item.filename)
        if stat.S_ISDIR(item.st_mode or 0):
            _remove_each(sftp, below)
        else:
            filesystem.remove(sftp, below)
    filesystem.remove(sftp, path)


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
    except BaseException:
        remove(ssh, place)
        raise
    try:
        filesystem.remove(ssh.sftp, attic)  # both empty, if nothing was replaced
        filesystem.remove(ssh.sftp, place)
    except TransferError:
        left += still_there(ssh, [place])
    except GuestUnreachable:
        left.append(place)


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


def _put_in_place_there(ssh: Ssh, fresh: str, target: str, attic: str) -> None:
    steps: list[merge.Step] = []
    try:
        merge.put_in_place(There(ssh.sftp), fresh, target, attic, steps)
    except GuestUnreachable as exc:
        raise TransferInterrupted(str(exc), steps=tuple(steps)) from exc


def _unpack_there(ssh: Ssh, packing: Packing, place: str) -> None:
    # Names in the stream begin at the drive's root, so that the command line has no name of the user's in it: neither
    # cmd.exe's percent signs nor its limit on directories apply, nor tar.exe's code page. -P unpacks through links.
    said = bytearray()
    code = ssh.execute(f"tar.exe -xPf - -C {place[:3]}", on_stdout=said.extend, on_stderr=said.extend, stdin=packing)
    if packing.failure is not None:
        raise packing.failure
    if code != 0:
        raise TransferError(
            f"the guest's tar.exe could not unpack (exit code {code}):\n{text(bytes(said)).strip()[-2000:]}"
        )


def _fetch(ssh: Ssh, source: str, place: Path | None, progress: file.OnBytes | None = None) -> dict[str, bytes]:
    """Bring all that is in `source` to the empty directory `place`, or nowhere.

    :returns: SHA-256 digests of all files, by their names below `source`.
    """
    if not _plain(source):
        return _fetch_each(ssh.sftp, source, place)
    unpacking = Unpacking(place)
    _stream(ssh, source, unpacking.take, progress)
    digests = unpacking.digests
    for name in unpacking.links:
        digests |= _fetch_any(ssh.sftp, source, place, name)
    return digests


def _stream(ssh: Ssh, directory: str, take: Callable[[BinaryIO], None], progress: file.OnBytes | None) -> None:
    """Have a directory of the guest packed, and `take` what comes while it comes."""
    said, came = bytearray(), 0
    # The directory is cmd.exe's matter: tar.exe takes no names that its code page lacks.
    request = f'cd /d "{directory}" && tar.exe -cf - --format=pax .'
    with _piped(take) as sink:

        def on_stdout(data: bytes) -> None:
            nonlocal came
            came += len(data)
            sink.write(data)
            if progress is not None:
                progress(came, came)

        code = ssh.execute(request, on_stdout=on_stdout, on_stderr=said.extend)
        if code != 0:
            raise TransferError(
                f"the guest's tar.exe could not pack {directory} (exit code {code}):\n"
                f"{text(bytes(said)).strip()[-2000:]}"
            )


@contextmanager
def _piped(take: Callable[[BinaryIO], None]) -> Iterator[BinaryIO]:
    """A file to write, which `take` reads in a thread of its own. If the block fails, its error is the one to know."""
    reading, writing = os.pipe()

    def taking() -> None:
        with open(reading, "rb") as stream:
            try:
                take(stream)
            finally:
                while stream.read(1 << 20):
                    pass  # or the other end would wait for ever

    with ThreadPoolExecutor(1, thread_name_prefix="smolvm-tar") as worker:
        taken = worker.submit(taking)
        with open(writing, "wb") as sink:
            yield sink
        taken.result()


def _fetch_any(sftp: Sftp, source: str, place: Path | None, name: str, depth: int = 0) -> dict[str, bytes]:
    remote = names.joined(source, *name.split("/"))
    found = filesystem.look(sftp, remote)
    if found.is_directory:
        return _fetch_each(sftp, source, place, name, depth)
    digest = hashlib.sha256()
    with new(place and place / name) as out:
        file.receive(sftp, remote, out, also=digest.update)
    if place is not None:
        file.keep_attributes(place / name, found)
    return {name: digest.digest()}


def _fetch_each(sftp: Sftp, source: str, place: Path | None, name: str = "", depth: int = 0) -> dict[str, bytes]:
    """File by file: for what cannot go by tar.exe."""
    if depth > _LINKS_DEEP:
        raise TransferError(f"{source}: {name} is too deep; is there a link that leads back to a directory it is in?")
    if place is not None:
        (place / name).mkdir(parents=True, exist_ok=True)
    digests: dict[str, bytes] = {}
    for inner in filesystem.names(sftp, names.joined(source, *name.split("/")) if name else source):
        digests |= _fetch_any(sftp, source, place, f"{name}/{inner}" if name else inner, depth + 1)
    return digests


def _compare(here: Mapping[str, bytes], there: Mapping[str, bytes], shown: str) -> None:
    wrong = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
    if wrong:
        raise TransferError(f"{shown}: checksums differ on the two sides: {', '.join(wrong[:10])}")


def _plain(path: str) -> bool:
    return "%" not in path and len(path) <= _CD_MAX
