"""Disks that come in an archive: OVA of VMware and VirtualBox, and Vagrant's .box of any provider."""

from __future__ import annotations

import json
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from pytest_smolvm.errors import CapacityError, ImageError
from pytest_smolvm.images.windows.foreign import formats

_DISKS = (".vmdk", ".vhdx", ".vhd", ".qcow2", ".img", ".vdi")
_TEXT_MAX = 4 << 20
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_ZSTD = b"\x28\xb5\x2f\xfd"
# A damaged archive is reported by whichever layer meets the damage.
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, OSError)


@dataclass
class _Told:
    """What an archive says about itself before its disks come, if it says so."""

    provider: str = ""
    disks: list[str] = field(default_factory=list)


def is_archive(path: Path) -> bool:
    """Whether a file is a tar archive, compressed or not, as .ova and .box files are.

    :raises ImageError: it is compressed in a way that cannot be read here.
    """
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        head = file.read(512)
    if head.startswith(_ZSTD):
        raise ImageError(f"{path} is compressed with zstd; unpack it (zstd -d) and give what comes out")
    # tarfile would take a disk that begins with zeroes for the output of the old LZMA program.
    return (head.startswith(_COMPRESSED) or head[257:262] == b"ustar") and tarfile.is_tarfile(path)


def unpack(path: Path, directory: Path) -> Path:
    """Take the one disk out of an archive.

    :param directory: an empty directory, on whose file system there must be room for the disk.
    :returns: the disk; parts of it, if it has some, are beside it.
    :raises ImageError: there is no disk in it, more than one, an encrypted one, or the archive is damaged.
    :raises CapacityError: there is no room for it.
    """
    told = _Told()
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = Path(member.name).name
                if not member.isreg():
                    continue
                if name.endswith((".ovf", ".OVF")) or name == "metadata.json":
                    _read(path, name, _content(archive, member), told)
                elif name.lower().endswith(_DISKS):
                    _extract(archive, member, directory / name)
    except _DAMAGE as exc:
        raise ImageError(f"{path} is damaged or cut off: {exc}; get it again and compare its checksum") from exc
    return _system_disk(path, sorted(directory.iterdir()), told)


def _read(path: Path, name: str, content: bytes, told: _Told) -> None:
    if name == "metadata.json":
        _read_metadata(path, content, told)
    else:
        told.disks = ovf_disks(content, f"{name} in {path}")
        _check_count(path, told.disks)


def _read_metadata(path: Path, content: bytes, told: _Told) -> None:
    try:
        metadata = json.loads(content)
        told.provider = str(metadata.get("provider", ""))
        told.disks = [str(disk["path"]) for disk in metadata.get("disks", ())]
        architecture = str(metadata.get("architecture", "amd64"))
    except (ValueError, AttributeError, TypeError, KeyError) as exc:
        raise ImageError(f"metadata.json in {path} cannot be read: {exc!r}") from exc
    if architecture not in ("amd64", "x86_64", "unknown", ""):
        raise ImageError(f"{path} is a box for {architecture}; the guests here are amd64 (x64)")
    _check_count(path, told.disks)


def ovf_disks(content: bytes, title: str) -> list[str]:
    """The names of the files of an OVF's disks ("Open Virtualization Format Specification", DMTF DSP0243).

    :param title: what it is, for errors.
    :raises ImageError: it cannot be read, or what it describes is encrypted.
    """
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as exc:
        if b"EncryptedData" in content:
            raise ImageError(f"{title} is encrypted; export it again without encryption") from exc
        raise ImageError(f"{title} cannot be read: {exc}") from exc
    names = {element: element.tag.rpartition("}")[2] for element in root.iter()}
    if {"EncryptedData", "EncryptedKey", "EncryptionSection"} & set(names.values()):
        raise ImageError(f"{title} is encrypted; export it again without encryption")
    files = {_attribute(file, "id"): _attribute(file, "href") for file, name in names.items() if name == "File"}
    used = [_attribute(disk, "fileRef") for disk, name in names.items() if name == "Disk"]
    return [files.get(reference, reference) for reference in used if reference]


def _attribute(element: ElementTree.Element, name: str) -> str:
    return next((value for key, value in element.items() if key.rpartition("}")[2] == name), "")


def _check_count(path: Path, disks: Sequence[str]) -> None:
    if len(disks) > 1:
        raise ImageError(
            f"{path} has {len(disks)} disks ({', '.join(disks)}); a guest here has one: export the system's disk alone"
        )


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None or member.size > _TEXT_MAX:
        raise ImageError(f"{member.name} is too large to be what it is called")
    return file.read()


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    free = shutil.disk_usage(target.parent).free
    if member.size > free:
        raise CapacityError(
            f"{member.name} takes {member.size / 2**30:.1f} GiB in {target.parent},"
            f" which has {free / 2**30:.1f} GiB free"
        )
    file = archive.extractfile(member)
    if file is not None:
        with open(target, "wb") as out:
            shutil.copyfileobj(file, out, 1 << 20)


def _system_disk(path: Path, files: Sequence[Path], told: _Told) -> Path:
    box = f" (a box for {told.provider})" if told.provider else ""
    parts = {name for file in files for name in _parts(file)}
    disks = [file for file in files if file.name not in parts]
    missing = {Path(name).name for name in told.disks} - {file.name for file in files}
    if not disks or missing:
        what = f"names a disk {', '.join(sorted(missing))} that is not in it" if missing else "has no disk in it"
        raise ImageError(f"{path}{box} {what}: it should hold one of {', '.join(_DISKS)}")
    _check_count(path, [disk.name for disk in disks])
    return disks[0]


def _parts(disk: Path) -> list[str]:
    """The files that a VMDK of several parts names."""
    with open(disk, "rb") as file:
        return formats.vmdk_parts(file.read(formats.TEXT_MAX))
