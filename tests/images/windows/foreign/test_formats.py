"""Disk files as people bring them, made by qemu-img or spoilt by hand: what each is called, and what is refused."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from pytest_smolvm.errors import ImageError
from pytest_smolvm.images.windows.foreign import conversion, formats
from tests.images.windows.discs import windows_iso

pytestmark = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed")
MBR = bytes(510) + b"\x55\xaa"
KINDS = {
    "qcow2": ("qcow2", ""),
    "vhdx": ("vhdx", ""),
    "vhd": ("vpc", "subformat=dynamic"),
    "fixed": ("vpc", "subformat=fixed"),
    "vmdk": ("vmdk", ""),
    "stream": ("vmdk", "subformat=streamOptimized"),
    "parts": ("vmdk", "subformat=twoGbMaxExtentSparse"),
    "flat": ("vmdk", "subformat=monolithicFlat"),
    "vdi": ("vdi", ""),
    "raw": ("raw", ""),
}


def disk(directory: Path, name: str, content: bytes = MBR + b"hello".ljust(9_000_000, b"!")) -> Path:
    """A disk file of a kind, called as if it were none."""
    raw, target = directory / "content", directory / f"{name}.disk"
    raw.write_bytes(content)
    kind, options = KINDS[name]
    words: list[str | Path] = [
        "qemu-img",
        "convert",
        "-f",
        "raw",
        "-O",
        kind,
        *(["-o", options] if options else []),
        raw,
        target,
    ]
    subprocess.run(words, check=True)
    raw.unlink()
    return target


@pytest.mark.parametrize("name", KINDS)
def test_kinds(tmp_path: Path, name: str) -> None:
    """By what is in it and not by its name; and its content comes out."""
    path = disk(tmp_path, name)

    assert formats.kind(path) == KINDS[name][0]
    assert conversion.to_raw(path, tmp_path / "out") >= 9_000_000
    assert (tmp_path / "out").read_bytes().startswith(MBR + b"hello!!!")


@pytest.mark.parametrize("content", [b"", b"hello", bytes(100_000), b"\x89PNG" + bytes(5000)])
def test_what_is_no_disk(tmp_path: Path, content: bytes) -> None:
    """QEMU would take each for a raw disk."""
    (tmp_path / "x.vhdx").write_bytes(content)

    with pytest.raises(ImageError, match="is no disk that this command knows"):
        formats.kind(tmp_path / "x.vhdx")


def test_files_of_other_kinds(tmp_path: Path) -> None:
    """Said what they are, and what takes them."""
    for magic, words in (
        (b"MSWIM\0\0\0", "windows build-image"),
        (b"PK\x03\x04", "unpack it"),
        (b"LUKS\xba\xbe", "encrypted"),
    ):
        (tmp_path / "x").write_bytes(magic + bytes(1000))
        with pytest.raises(ImageError, match=words):
            formats.kind(tmp_path / "x")
    with pytest.raises(ImageError, match="not a disk; to install from it: windows build-image"):
        formats.kind(windows_iso(tmp_path / "w.iso"))
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(ImageError, match=r"does not exist|is not a file"):
            formats.kind(missing)


def test_qcow2_of_a_snapshot(tmp_path: Path) -> None:
    """It holds only what differs; whatever file it names is not read."""
    base = disk(tmp_path, "qcow2")
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", tmp_path / "snapshot"], check=True
    )

    with pytest.raises(ImageError, match=r"holds only what differs from .*qcow2.disk; make it whole first"):
        conversion.to_raw(tmp_path / "snapshot", tmp_path / "out")


def test_vhdx_of_a_snapshot(tmp_path: Path) -> None:
    """Hyper-V's .avhdx, and checkpoints exported as .vhdx."""
    path = disk(tmp_path, "vhdx")
    content = bytearray(path.read_bytes())
    content[_vhdx_parameters(content) + 4] |= 2
    path.write_bytes(content)

    with pytest.raises(ImageError, match=r"is a differencing VHDX.*Merge-VHD"):
        formats.kind(path)


def _vhdx_parameters(content: bytes) -> int:
    """Where the parameters of a VHDX are, found by their identifier."""
    identifier = bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b")
    entry = content.index(identifier)
    table = entry - (entry % (64 << 10))
    return table + int(struct.unpack_from("<I", content, entry + 16)[0])


@pytest.mark.parametrize("name", ["vhd", "fixed"])
def test_vhd_of_a_snapshot(tmp_path: Path, name: str) -> None:
    """A differencing disk."""
    path = disk(tmp_path, name)
    content = bytearray(path.read_bytes())
    struct.pack_into(">I", content, len(content) - 512 + 60, 4)
    path.write_bytes(content)

    with pytest.raises(ImageError, match="is a differencing VHD"):
        formats.kind(path)


@pytest.mark.parametrize("name", ["vmdk", "flat", "stream"])
def test_vmdk_of_a_snapshot_or_encrypted(tmp_path: Path, name: str) -> None:
    """Its description says so in words."""
    path = disk(tmp_path, name)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"parentCID=ffffffff", b"parentCID=12345678"))

    with pytest.raises(ImageError, match="is a VMDK of a snapshot"):
        formats.kind(path)

    path.write_bytes(content.replace(b"ddb.adapterType", b"encryption.keyS"))
    with pytest.raises(ImageError, match="is an encrypted VMDK"):
        formats.kind(path)


def test_vmdk_without_its_parts(tmp_path: Path) -> None:
    """One is missing, or is meant to be somewhere else on this host."""
    path = disk(tmp_path, "flat")
    text = path.read_text()
    path.write_text(text.replace("flat-flat.disk", "../../etc/shadow"))
    with pytest.raises(ImageError, match="has a part elsewhere"):
        formats.kind(path)

    path.write_text(text.replace("flat-flat.disk", "gone.vmdk"))
    with pytest.raises(ImageError, match=r"'gone\.vmdk', which is not there"):
        formats.kind(path)


def test_encrypted_qcow2(tmp_path: Path) -> None:
    """Its secret is not ours to ask for."""
    words = ["-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"]
    made = subprocess.run(
        ["qemu-img", "create", "-q", "--object", "secret,id=s,data=x", "-f", "qcow2", *words, tmp_path / "x", "10M"],
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip("this qemu-img cannot encrypt")

    with pytest.raises(ImageError, match="is encrypted"):
        conversion.to_raw(tmp_path / "x", tmp_path / "out")


@pytest.mark.parametrize("name", ["qcow2", "vhdx", "vhd", "vmdk", "stream"])
@pytest.mark.parametrize("fraction", [0.01, 0.5])
def test_cut_off(tmp_path: Path, name: str, fraction: float) -> None:
    """A broken download; nothing stays of what was read of it."""
    path = disk(tmp_path, name, MBR + bytes(range(256)) * 40_000)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])

    with pytest.raises(ImageError, match=r"\.disk"):
        conversion.to_raw(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
