"""Sealing and reading disks with the real qemu-img; no guest."""

from __future__ import annotations

import stat
import struct
import subprocess
from pathlib import Path
from uuid import UUID

import pytest

from pytest_smolvm.errors import ImageError
from pytest_smolvm.host import records
from pytest_smolvm.images.windows import seal
from pytest_smolvm.images.windows.setup import logs
from pytest_smolvm.machine import disk

pytestmark = pytest.mark.tool("qemu-img")


def qcow2(path: Path, size: str = "16M") -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, size], check=True)
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", path], check=True, stdout=subprocess.DEVNULL)
    return path


def test_overlay_and_backing_become_one_image(tmp_path: Path) -> None:
    """The image stands alone, is compressed and has the content of both."""
    base, overlay = qcow2(tmp_path / "base.qcow2"), tmp_path / "overlay.qcow2"
    disk.overlay(base, overlay)
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 9 2M 1M", overlay], check=True, stdout=subprocess.DEVNULL)

    kind = seal.compress(overlay, tmp_path / "sealed.qcow2")

    base.unlink()
    read = subprocess.run(
        ["qemu-io", "-r", "-f", "qcow2", "-c", "read -P 7 0 1M", "-c", "read -P 9 2M 1M", tmp_path / "sealed.qcow2"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "failed" not in read.stdout
    assert kind in ("zstd", "zlib")
    assert (tmp_path / "sealed.qcow2").stat().st_size < 1 << 20


def test_published_read_only_and_never_over_another(tmp_path: Path) -> None:
    """A file that appeared meanwhile is left alone, unless replacing was asked for."""
    made, output = qcow2(tmp_path / "made.qcow2"), tmp_path / "out.qcow2"
    output.write_bytes(b"precious")

    with pytest.raises(ImageError, match="appeared while"):
        seal.publish(made, output, replace=False)
    assert output.read_bytes() == b"precious"

    seal.publish(made, output, replace=True)
    assert stat.S_IMODE(output.stat().st_mode) == 0o444
    assert not made.exists()


def test_a_record_is_whole_or_not_there(tmp_path: Path) -> None:
    """And one that cannot be read is none."""
    path = records.beside(tmp_path / "win11.qcow2")
    records.write(path, {"version": 1})

    assert path.name == "win11.qcow2.json"
    assert records.read(path) == {"version": 1}
    path.write_text("{", encoding="utf-8")
    assert records.read(path) is None
    assert records.read(tmp_path / "none.json") is None


@pytest.mark.tool("mkntfs", "ntfscat")
def test_setup_logs_are_read_off_the_disk(tmp_path: Path) -> None:
    """Without mounting, without root: partition table, NTFS, file."""
    raw, image = tmp_path / "disk.raw", tmp_path / "disk.qcow2"
    partition = tmp_path / "windows.ntfs"
    partition.write_bytes(b"")
    subprocess.run(["truncate", "-s", "16M", partition], check=True)
    subprocess.run(["mkntfs", "-q", "-F", "-Q", partition], check=True, capture_output=True)
    (tmp_path / "act.log").write_text("setup was here", encoding="utf-8")
    subprocess.run(["ntfscp", "-f", partition, tmp_path / "act.log", "setupact.log"], check=True, capture_output=True)
    entry = UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7").bytes_le + b"\1" * 16 + struct.pack("<QQ", 2048, 2048 + 32767)
    header = b"EFI PART".ljust(80, b"\0") + struct.pack("<II", 128, 128)
    table = b"\0" * 512 + header.ljust(512, b"\0") + entry.ljust(128, b"\0")
    raw.write_bytes(table.ljust(1 << 20, b"\0") + partition.read_bytes())
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image], check=True)

    found = logs.rescue(image, tmp_path, names=("setupact.log",))

    assert [path.read_text(encoding="utf-8") for path in found] == ["setup was here"]


def test_no_logs_on_an_empty_disk(tmp_path: Path) -> None:
    """A disk without partitions is no error: the installation died before it made any."""
    assert logs.rescue(qcow2(tmp_path / "disk.qcow2"), tmp_path) == ()
