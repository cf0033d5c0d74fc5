"""Which kind of disk file a file is, by its own marks: names say little, and QEMU takes the unknown for raw."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from pytest_smolvm.errors import ImageError

_SECTOR = 512
# What can be told at the beginning of a file, and QEMU's name for the format.
_MAGICS = ((b"QFI\xfb", "qcow2"), (b"vhdxfile", "vhdx"), (b"KDMV", "vmdk"), (b"conectix", "vpc"))
_PART = re.compile(r'^\w+\s+\d+\s+\w+\s+"([^"]+)"', re.MULTILINE)
_VDI = 64  # "<<< Oracle VM VirtualBox Disk Image >>>" is before its signature
_VMDK_TEXT = b"# Disk DescriptorFile"
_OTHERS = (
    (b"MSWIM\0\0\0", "a Windows image file (.wim), which has no disk around it; install it: windows build-image"),
    (b"PK\x03\x04", "a .zip file; unpack it and give the disk that is in it"),
    (b"7z\xbc\xaf\x27\x1c", "a .7z file; unpack it and give the disk that is in it"),
    (b"LUKS\xba\xbe", "encrypted (LUKS)"),
    (b"COWD", "a disk of VMware ESX with parts; convert it with VMware's own vmkfstools or ovftool first"),
)
# "VHDX Format Specification" (Microsoft, 2012): the region table, the table of metadata, and "has a parent" in it.
_VHDX_REGIONS = 192 << 10
_VHDX_METADATA = UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e")
_VHDX_PARAMETERS = UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b")
_VHDX_HAS_PARENT = 2
# "Virtual Hard Disk Image Format Specification" (Microsoft, 2006).
_VHD_TYPE = 60
_VHD_DIFFERENCING = 4
TEXT_MAX = 64 << 10


def kind(path: Path) -> str:
    """QEMU's name for the format of a disk file: ``qcow2``, ``vpc`` (VHD), ``vhdx``, ``vmdk``, ``vdi`` or ``raw``.

    :raises ImageError: it is no disk, or one that is not whole in itself; the message says what it is.
    """
    if not path.is_file():
        raise ImageError(f"{path} is not a file" if path.exists() else f"{path} does not exist")
    with open(path, "rb") as file:
        found = _kind(file, path)
        if found == "vhdx":
            _check_vhdx(file, path)
        elif found == "vpc":
            _check_vhd(file, path)
        elif found == "vmdk":
            _check_vmdk(file, path)
    return found


def _kind(file: BinaryIO, path: Path) -> str:
    head = _at(file, 0, 4096 + _SECTOR)
    for magic, name in _MAGICS:
        if head.startswith(magic):
            return name
    if head.startswith(_VMDK_TEXT):
        return "vmdk"
    if head[_VDI : _VDI + 4] == b"\x7f\x10\xda\xbe":
        return "vdi"
    if _at(file, max(0, path.stat().st_size - _SECTOR), 8) == b"conectix":
        return "vpc"  # one of fixed size: its mark is at its end
    for magic, what in _OTHERS:
        if head.startswith(magic):
            raise ImageError(f"{path} is {what}")
    if _at(file, 0x8001, 5) == b"CD001":
        raise ImageError(f"{path} is a disc image (ISO 9660), not a disk; to install from it: windows build-image")
    if head[_SECTOR : _SECTOR + 8] == b"EFI PART" or head[510:512] == b"\x55\xaa":
        return "raw"
    raise ImageError(
        f"{path} is no disk that this command knows (qcow2, raw, VHD, VHDX, VMDK, VDI), nor an .ova or .box file:"
        f" it begins with {head[:8].hex(' ') or 'nothing'}"
    )


def _check_vhdx(file: BinaryIO, path: Path) -> None:
    regions = dict(_entries(_at(file, _VHDX_REGIONS, 64 << 10), b"regi", 8, 16))
    table = regions.get(_VHDX_METADATA)
    items = dict(_entries(_at(file, table, 64 << 10), b"metadata", 10, 32)) if table is not None else {}
    place = items.get(_VHDX_PARAMETERS)
    if table is None or place is None:
        raise ImageError(f"{path} is a VHDX whose tables cannot be read; it is damaged or cut off")
    parameters = _at(file, table + place % (1 << 32), 8)
    if struct.unpack("<II", parameters.ljust(8, b"\0"))[1] & _VHDX_HAS_PARENT:
        raise ImageError(_with_parent(path, "a differencing VHDX", "Hyper-V: Merge-VHD or Convert-VHD"))


def _entries(table: bytes, signature: bytes, count_at: int, first: int) -> list[tuple[UUID, int]]:
    """Identifiers and places, in a table of VHDX: entries of 32 bytes."""
    if not table.startswith(signature):
        return []
    count = struct.unpack_from("<I" if signature == b"regi" else "<H", table, count_at)[0]
    places = range(first, min(first + 32 * count, len(table) - 31), 32)
    return [(UUID(bytes_le=table[at : at + 16]), struct.unpack_from("<Q", table, at + 16)[0]) for at in places]


def _check_vhd(file: BinaryIO, path: Path) -> None:
    footer = _at(file, max(0, path.stat().st_size - _SECTOR), _SECTOR)
    if not footer.startswith(b"conectix"):
        raise ImageError(f"{path} is a VHD without its end; it is cut off")
    if struct.unpack_from(">I", footer, _VHD_TYPE)[0] == _VHD_DIFFERENCING:
        raise ImageError(_with_parent(path, "a differencing VHD", "Hyper-V: Merge-VHD or Convert-VHD"))


def _check_vmdk(file: BinaryIO, path: Path) -> None:
    """What a VMDK says about itself in words: whether it has a parent or is encrypted, and where its parts are."""
    head = _at(file, 0, 80)
    if head.startswith(_VMDK_TEXT):
        text = _at(file, 0, TEXT_MAX)
    else:
        sectors, size = struct.unpack_from("<QQ", head, 28)
        text = _at(file, sectors * _SECTOR, min(size * _SECTOR, TEXT_MAX))
    words = text.split(b"\0")[0].decode("utf-8", "replace")
    parent = re.search(r"^parentCID\s*=\s*(\w+)", words, re.MULTILINE | re.IGNORECASE)
    if parent and parent.group(1).lower() != "ffffffff":
        raise ImageError(
            _with_parent(path, "a VMDK of a snapshot", "VMware: consolidate the snapshots, or export an .ova")
        )
    if re.search(r"encryption|keySafe", words, re.IGNORECASE):
        raise ImageError(f"{path} is an encrypted VMDK; decrypt it in VMware, or export it without encryption")
    for name in vmdk_parts(text) if head.startswith(_VMDK_TEXT) else ():
        if Path(name).name != name:
            raise ImageError(f"{path} has a part elsewhere, {name!r}; put all parts of the disk beside it")
        if not (path.parent / name).is_file():
            raise ImageError(f"{path} has a part {name!r}, which is not there")


def vmdk_parts(head: bytes) -> list[str]:
    """The files that a VMDK of several parts names; none of any other disk.

    :param head: its first `TEXT_MAX` bytes.
    """
    words = head.split(b"\0")[0].decode("utf-8", "replace")
    return _PART.findall(words) if head.startswith(_VMDK_TEXT) else []


def _with_parent(path: Path, what: str, how: str) -> str:
    return f"{path} is {what}: it holds only what differs from another disk; make it whole first ({how})"


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
