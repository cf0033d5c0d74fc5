"""Disc images, opened as Windows would see them (UDF first, then Joliet) or made; nothing is mounted (pycdlib)."""

from __future__ import annotations

import builtins
import io
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import pycdlib
from pycdlib.pycdlibexception import PyCdlibException

from pytest_smolvm.errors import ImageError, SmolVMError
from pytest_smolvm.images.windows.media import extents

_JOLIET_MAX = 64  # characters of a name (Joliet specification); Windows reads no longer ones
_PVD = 16 * extents.SECTOR
# pycdlib reports damage as one of its own errors or, in corners it does not check, as the first thing that breaks.
_DAMAGE = (PyCdlibException, struct.error, IndexError, KeyError, ValueError, TypeError, AttributeError, EOFError)


class DiscImage:
    """Files of a disc image, by names without regard to case.

    :param iso: pycdlib's view of it.
    :param path: the image file.
    """

    def __init__(self, iso: Any, path: Path) -> None:
        self._iso = iso
        self._path = path
        self.length = path.stat().st_size
        self.label: str = iso.pvd.volume_identifier.decode("latin-1").strip()
        # Windows prefers UDF over Joliet over plain ISO 9660, and never reads Rock Ridge.
        self.view = "udf" if iso.has_udf() else "joliet" if iso.has_joliet() else "iso"
        self._names = {self._key(name): name for name in self._walk()}

    def files(self, under: str = "") -> tuple[str, ...]:
        """Paths of all files below the folder `under`, as they are spelt on the disc, without a leading slash."""
        prefix = f"/{under.strip('/')}/".lower().replace("//", "/")
        return tuple(sorted(self._plain(name) for key, name in self._names.items() if key.startswith(prefix)))

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return self._find(name) is not None

    @contextmanager
    def open(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        """A file of the disc as a stream that can seek, and its length.

        :raises ImageError: there is none, or the disc ends before it does.
        """
        found = self._find(name)
        if found is None:
            raise ImageError(f"{self._path} has no {name}")
        try:
            record = self._iso.get_record(**{f"{self.view}_path": found})
            pieces, length = extents.of_udf(self._iso, record) if self.view == "udf" else extents.of_iso(record)
        except _DAMAGE as exc:
            raise ImageError(f"{name} on {self._path} cannot be read: {exc}") from exc
        with builtins.open(self._path, "rb") as image:
            yield cast("BinaryIO", extents.Extents(image, pieces, length)), length

    def read(self, name: str) -> bytes:
        """The whole content of a small file."""
        with self.open(name) as (stream, length):
            content = stream.read(length)
        if len(content) != length:
            raise ImageError(f"{self._path} is cut off inside {name}: {len(content)} of {length} bytes")
        return content

    def _find(self, name: str) -> str | None:
        return self._names.get("/" + name.strip("/").lower())

    def _walk(self) -> Iterator[str]:
        for folder, _, names in self._iso.walk(**{f"{self.view}_path": "/"}):
            for name in names:
                yield f"{folder.rstrip('/')}/{name}"

    def _key(self, name: str) -> str:
        return "/" + self._plain(name).lower()

    def _plain(self, name: str) -> str:
        bare = name.strip("/")
        return bare.split(";")[0].rstrip(".") if self.view == "iso" else bare.split(";")[0]


@contextmanager
def opened(path: Path) -> Iterator[DiscImage]:
    """The disc image `path` for the length of the block.

    :raises ImageError: it is missing, is no disc image, or is cut off.
    """
    _check(path)
    iso = pycdlib.PyCdlib()
    try:
        iso.open(str(path))
    except _DAMAGE as exc:
        raise ImageError(
            f"{path} is damaged or cut off, its file system cannot be read: {exc};"
            " get it again and compare its checksum"
        ) from exc
    try:
        try:
            disc = DiscImage(iso, path)
        except _DAMAGE as exc:
            raise ImageError(
                f"{path} is damaged or cut off, its folders cannot be read: {exc};"
                " get it again and compare its checksum"
            ) from exc
        yield disc
    finally:
        iso.close()


def write(files: Mapping[str, bytes | Path], label: str, output: Path) -> None:
    """Write a disc image that Windows reads, with these files by their paths on it; only its owner may read it.

    :raises SmolVMError: a name is too long for Windows, or the image cannot be written.
    """
    output.touch(mode=0o600)
    with ExitStack() as stack:
        # Windows reads Joliet, not Rock Ridge: without it names would be cut to eight letters and three.
        iso = pycdlib.PyCdlib()
        iso.new(interchange_level=1, joliet=3, vol_ident=label)
        stack.callback(iso.close)
        folders: dict[str, str] = {"": ""}
        for number, (name, content) in enumerate(sorted(files.items())):
            plain = f"{_folder(iso, folders, PurePosixPath(name).parent)}/F{number:07d}.;1"
            if isinstance(content, Path):
                iso.add_file(str(content), iso_path=plain, joliet_path=_checked(name))
            else:
                stream = stack.enter_context(io.BytesIO(content))
                iso.add_fp(stream, len(content), iso_path=plain, joliet_path=_checked(name))
        try:
            iso.write(str(output))
        except (PyCdlibException, OSError) as exc:
            raise SmolVMError(f"the disc image {output} could not be written: {exc}") from exc


def _folder(iso: pycdlib.PyCdlib, folders: dict[str, str], folder: PurePosixPath) -> str:
    """The ISO 9660 path of a Joliet folder, which is made with its parents if need be."""
    key = "" if str(folder) == "." else str(folder)
    if key not in folders:
        plain = f"{_folder(iso, folders, folder.parent)}/D{len(folders):07d}"
        iso.add_directory(plain, joliet_path=_checked(key))
        folders[key] = plain
    return folders[key]


def _checked(name: str) -> str:
    long = [part for part in PurePosixPath(name).parts if len(part) > _JOLIET_MAX]
    if long:
        raise SmolVMError(f"{long[0]!r} is too long a name for a disc: at most {_JOLIET_MAX} characters")
    return f"/{name}"


def _check(path: Path) -> None:
    if not path.is_file():
        raise ImageError(f"{path} is not a file" if path.exists() else f"{path} does not exist")
    with open(path, "rb") as file:
        file.seek(_PVD)
        sector = file.read(extents.SECTOR)
    # ECMA-119 8.4: type 1, "CD001"; the volume's size in blocks at byte 80, their size at byte 128.
    if len(sector) < extents.SECTOR or sector[:6] != b"\x01CD001":
        raise ImageError(f"{path} is not a disc image (ISO 9660)")
    blocks, block = struct.unpack_from("<I", sector, 80)[0], struct.unpack_from("<H", sector, 128)[0]
    size = path.stat().st_size
    if size < blocks * block:
        raise ImageError(
            f"{path} is cut off: it should have {blocks * block} bytes and has {size};"
            " get it again and compare its checksum"
        )
