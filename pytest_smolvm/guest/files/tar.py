"""Trees as one tar stream: made on the fly from files of the host, and taken apart as it comes from a guest."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pytest_smolvm.errors import TransferError
from pytest_smolvm.guest.files.scan import TreeEntry
from pytest_smolvm.host.progress import nothing

_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1 << 20
_ENOUGH = 256 * 1024


class Packing:
    """A tar stream of `entries`, made while it is iterated over.

    Its consumer is on the other side of a connection and sees but the end of it, so a failure is kept in `failure`.

    :param prefix: what the name of every entry begins with; a directory of that name comes first.
    :param progress: called with the bytes of content packed so far.
    """

    def __init__(self, entries: Sequence[TreeEntry], prefix: str, progress: Callable[[int], object] = nothing) -> None:
        self._entries = entries
        self._prefix = prefix
        self._progress = progress
        self._packed = 0
        self.failure: TransferError | None = None
        self.digests: dict[str, bytes] = {}
        """SHA-256 of each file packed, by its name below the tree's root."""

    def __iter__(self) -> Iterator[bytes]:
        # Small pieces are joined: each one sent costs a packet.
        pending = bytearray()
        for piece in self._pieces():
            pending += piece
            if len(pending) >= _ENOUGH:
                yield bytes(pending)
                pending.clear()
        yield bytes(pending)

    def _pieces(self) -> Iterator[bytes]:
        yield _header(self._prefix, True, 0, 0, False)
        try:
            for entry in self._entries:
                name = f"{self._prefix}/{entry.name}"
                yield _header(name, entry.is_directory, entry.size, entry.modified, entry.read_only)
                if not entry.is_directory:
                    yield from self._content(entry)
        except OSError as exc:
            self.failure = TransferError(f"could not read {exc.filename}: {exc.strerror}")
            return  # without the end mark: what was unpacked of it does not count
        except TransferError as exc:
            self.failure = exc
            return
        yield bytes(2 * _BLOCK)

    def _content(self, entry: TreeEntry) -> Iterator[bytes]:
        digest, left = hashlib.sha256(), entry.size
        with open(entry.path, "rb") as source:
            while left:
                chunk = source.read(min(left, _CHUNK))
                if not chunk:
                    raise TransferError(f"{entry.path} became shorter while it was read")
                left -= len(chunk)
                digest.update(chunk)
                self._packed += len(chunk)
                yield chunk
                self._progress(self._packed)
        self.digests[entry.name] = digest.digest()
        yield bytes(-entry.size % _BLOCK)


class Unpacking:
    """Takes a tar stream apart into an empty directory; nothing in it can reach outside of it.

    :param place: the directory; None only computes digests.
    """

    def __init__(self, place: Path | None) -> None:
        self._place = place
        self.damaged = False
        """Whether the stream ended too early, or was none."""
        self.links: list[str] = []
        """Names of symbolic links, which are left out."""
        self.digests: dict[str, bytes] = {}
        """SHA-256 of each file, by its name below the tree's root."""

    def take(self, stream: BinaryIO) -> None:
        """Take all of `stream`.

        :raises TransferError: it is damaged, or has names that lead elsewhere.
        """
        directories: list[tuple[Path, float]] = []
        try:
            with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8") as archive:
                for member in archive:
                    name = _inside(member.name)
                    if name:
                        self._member(archive, member, name, directories)
        except (tarfile.TarError, EOFError) as exc:
            self.damaged = True
            raise TransferError(f"what the guest's tar.exe sent cannot be read: {exc}") from exc
        except OSError as exc:
            raise TransferError(f"could not write {exc.filename or self._place}: {exc.strerror}") from exc
        for path, modified in reversed(directories):  # last, since every file put into one changes its time
            os.utime(path, (modified, modified))

    def _member(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, directories: list[tuple[Path, float]]
    ) -> None:
        path = self._place / name if self._place is not None else None
        modified = float(int(member.mtime))
        if member.issym():
            self.links.append(name)
        elif member.isdir():
            if path is not None:
                path.mkdir(parents=True, exist_ok=True)
                directories.append((path, modified))
        elif member.islnk():
            self._twin(name, _inside(member.linkname), path)
        elif member.isreg():
            self._file(archive, member, name, path)
            if path is not None:
                os.utime(path, (modified, modified))
                if not member.mode & 0o200:
                    path.chmod(0o444)

    def _file(self, archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, path: Path | None) -> None:
        source = archive.extractfile(member)
        assert source is not None
        digest = hashlib.sha256()
        with new(path) as out:
            while chunk := source.read(_CHUNK):
                out.write(chunk)
                digest.update(chunk)
        self.digests[name] = digest.digest()

    def _twin(self, name: str, other: str, path: Path | None) -> None:
        """A second name of a file that came before."""
        if other not in self.digests:
            raise TransferError(f"{name} is a second name of {other}, which is not in the directory")
        self.digests[name] = self.digests[other]
        if path is not None and self._place is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._place / other, path)


@contextmanager
def new(path: Path | None) -> Iterator[BinaryIO]:
    """A new file to write, its directories with it; None is a file that keeps nothing."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    with open(path or os.devnull, "xb" if path else "wb") as out:
        yield out


def _header(name: str, is_directory: bool, size: int, modified: int, read_only: bool) -> bytes:
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE if is_directory else tarfile.REGTYPE
    info.size, info.mtime = size, modified
    # libarchive on Windows makes the read-only attribute of a missing owner's write bit.
    info.mode = 0o755 if is_directory else 0o444 if read_only else 0o644
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _inside(name: str) -> str:
    """`name` if it stays below the tree's root; "" is the root itself."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise TransferError(f"the guest's tar.exe sent {name!r}, which leads out of the directory")
    return "/".join(parts)
