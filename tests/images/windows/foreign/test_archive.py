"""OVA and .box files, as VMware, VirtualBox, Hyper-V and Vagrant's providers lay them out."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_smolvm.errors import CapacityError, ImageError
from pytest_smolvm.images.windows.foreign import archive
from tests.images.windows.conftest import SmallDisk

ENVELOPE = "http://schemas.dmtf.org/ovf/envelope/1"
DESCRIPTOR = b'# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\nRW 9 SPARSE "disk-s001.vmdk"\nRW 9 SPARSE "disk-s002.vmdk"\n'


def ovf(*disks: str, more: str = "") -> bytes:
    files = "".join(f'<File ovf:id="f{at}" ovf:href="{name}"/>' for at, name in enumerate(disks))
    used = "".join(f'<Disk ovf:diskId="d{at}" ovf:fileRef="f{at}" ovf:capacity="64"/>' for at in range(len(disks)))
    return (
        f'<?xml version="1.0"?><Envelope xmlns="{ENVELOPE}" xmlns:ovf="{ENVELOPE}"><References>{files}</References>'
        f"<DiskSection><Info>disks</Info>{used}</DiskSection>{more}</Envelope>"
    ).encode()


def packed(path: Path, files: Mapping[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as made:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Path:
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked"


ARCHIVES = {
    "VMware's OVA": ({"win.ovf": ovf("win-disk1.vmdk"), "win.mf": b"SHA256", "win-disk1.vmdk": b"disk"}, "win-disk1.vmdk"),
    "VirtualBox's box": (
        {"./box.ovf": ovf("box-disk001.vmdk"), "./metadata.json": b'{"provider":"virtualbox"}', "./box-disk001.vmdk": b"disk"},
        "box-disk001.vmdk",
    ),
    "libvirt's box": ({"metadata.json": b'{"provider":"libvirt","format":"qcow2"}', "box.img": b"disk"}, "box.img"),
    "libvirt's new box": (
        {"box_0.img": b"disk", "metadata.json": b'{"provider":"libvirt","disks":[{"path":"box_0.img"}]}'},
        "box_0.img",
    ),
    "Hyper-V's box": (
        {
            "metadata.json": b'{"provider":"hyperv"}',
            "Virtual Machines/0815.vmcx": b"x",
            "Virtual Hard Disks/win.vhdx": b"disk",
        },
        "win.vhdx",
    ),
    "VMware's box": (
        {
            "metadata.json": b'{"provider":"vmware_desktop"}',
            "disk-s001.vmdk": b"KDMV",
            "disk-s002.vmdk": b"KDMV",
            "disk.vmdk": DESCRIPTOR,
            "win.vmx": b"x",
        },
        "disk.vmdk",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
@pytest.mark.parametrize("name", ARCHIVES)
def test_the_disk_comes_out(tmp_path: Path, place: Path, name: str, mode: str) -> None:
    """Whoever packed it, whether compressed or not, whatever else is in it."""
    files, disk = ARCHIVES[name]
    path = packed(tmp_path / "x.box", files, mode)

    assert archive.is_archive(path)
    assert archive.unpack(path, place) == place / disk


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "has no disk in it"),
        ({"metadata.json": b'{"provider":"docker"}', "Dockerfile": b"x"}, r"a box for docker\) has no disk in it"),
        ({"win.ovf": ovf("win.vmdk")}, "names a disk win.vmdk that is not in it"),
        ({"win.ovf": ovf("a.vmdk", "b.vmdk")}, r"has 2 disks \(a.vmdk, b.vmdk\).*export the system's disk alone"),
        ({"metadata.json": b'{"disks":[{"path":"a.img"},{"path":"b.img"}]}'}, "has 2 disks"),
        ({"a.vhdx": b"disk", "b.vhdx": b"disk"}, "has 2 disks"),
        ({"metadata.json": b'{"architecture":"arm64"}', "box.img": b"disk"}, "a box for arm64"),
        ({"metadata.json": b"{", "box.img": b"disk"}, "metadata.json in .* cannot be read"),
        ({"metadata.json": b'{"disks":5}', "box.img": b"disk"}, "metadata.json in .* cannot be read"),
        ({"win.ovf": b"<Envelope>", "win.vmdk": b"disk"}, "win.ovf in .* cannot be read"),
        ({"win.ovf": ovf("a.vmdk", more="<EncryptionSection/>"), "a.vmdk": b"disk"}, "win.ovf in .* is encrypted"),
        (
            {"win.ovf": b'<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"/>', "a.vmdk": b"disk"},
            "win.ovf in .* is encrypted",
        ),
        ({"win.ovf": b"EncryptedData \xff", "a.vmdk": b"disk"}, "win.ovf in .* is encrypted"),
    ],
)
def test_what_cannot_be_brought(tmp_path: Path, place: Path, files: dict[str, bytes], words: str) -> None:
    """Each with its own reason; nothing was started."""
    with pytest.raises(ImageError, match=words):
        archive.unpack(packed(tmp_path / "x.ova", files), place)


def test_names_lead_nowhere_else(tmp_path: Path, place: Path) -> None:
    """A member may be called as it likes; links are none of ours."""
    path = packed(tmp_path / "x.box", {"../../escaped.img": b"disk"})
    with tarfile.open(path, "a") as made:
        link = tarfile.TarInfo("other.img")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(link)

    assert archive.unpack(path, place) == place / "escaped.img"
    assert sorted(entry.name for entry in place.iterdir()) == ["escaped.img"]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_cut_off(tmp_path: Path, place: Path, mode: str) -> None:
    """A broken download."""
    path = packed(
        tmp_path / "x.box", {"metadata.json": json.dumps({}).encode(), "box.img": bytes(range(256)) * 8000}, mode
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(ImageError, match="damaged or cut off"):
        archive.unpack(path, place)


def test_a_disk_that_begins_with_zeroes_is_no_archive(tmp_path: Path) -> None:
    """A partition table without boot code; Python's tarfile reads such a file as one of the old LZMA program."""
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(510) + b"\x55\xaa" + bytes(1 << 16))

    assert not archive.is_archive(disk)


def test_what_is_no_archive(tmp_path: Path) -> None:
    """A disk; a compressed one; something compressed in a way that is not read here."""
    (tmp_path / "disk").write_bytes(b"QFI\xfb" + bytes(1000))
    (tmp_path / "disk.gz").write_bytes(gzip.compress(b"QFI\xfb" + bytes(1000)))
    (tmp_path / "x.box").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(1000))

    assert not archive.is_archive(tmp_path / "disk")
    assert not archive.is_archive(tmp_path / "disk.gz")
    assert not archive.is_archive(tmp_path / "none")
    with pytest.raises(ImageError, match="zstd -d"):
        archive.is_archive(tmp_path / "x.box")


def test_no_room(tmp_path: Path, small_disk: SmallDisk) -> None:
    """Said with both numbers, before anything is written."""
    small_disk.resize(2)
    path = packed(tmp_path / "x.box", {"box.img": bytes(3 << 20)})

    with pytest.raises(CapacityError, match=r"box.img takes 0.0 GiB in .*small"):
        archive.unpack(path, small_disk.place)
    assert list(small_disk.place.iterdir()) == []
