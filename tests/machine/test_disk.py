"""What tells one image from another, with the real qemu-img."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_smolvm.errors import ImageError
from pytest_smolvm.host import programs
from pytest_smolvm.machine import disk


@pytest.fixture(name="base")
def _base(tmp_path: Path) -> Path:
    return create(tmp_path / "base.qcow2", "1M")


def create(path: Path, *more: str | Path) -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, *more], check=True)
    return path


def test_an_image_is_itself_through_links(base: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.qcow2"
    link.symlink_to(base)

    assert disk.identity(base) == disk.identity(link)


def test_a_replaced_image_is_another(base: Path, tmp_path: Path) -> None:
    before = disk.identity(base)
    create(tmp_path / "new.qcow2", "1M").replace(base)

    assert before != disk.identity(base)


@pytest.mark.parametrize("depth", [1, 2])
def test_an_image_on_a_replaced_base_is_another(base: Path, tmp_path: Path, depth: int) -> None:
    (tmp_path / "below").mkdir()
    middle = create(tmp_path / "below" / "middle.qcow2", "-b", "../base.qcow2", "-F", "qcow2")
    top = create(tmp_path / "top.qcow2", "-b", "below/middle.qcow2", "-F", "qcow2") if depth == 2 else middle
    before = disk.identity(top)
    assert before == disk.identity(top)

    create(tmp_path / "new.qcow2", "1M").replace(base)

    assert before != disk.identity(top)


def test_an_image_whose_data_is_in_another_file_is_another_when_that_is_written(tmp_path: Path) -> None:
    base = create(tmp_path / "base.qcow2", "-o", f"data_file={tmp_path}/data.raw,data_file_raw=on", "1M")
    top = create(tmp_path / "top.qcow2", "-b", "base.qcow2", "-F", "qcow2")
    before = disk.identity(base), disk.identity(top)

    with open(tmp_path / "data.raw", "r+b") as data:
        data.write(b"changed")

    after = disk.identity(base), disk.identity(top)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_a_file_system_that_is_mounted_again_has_the_same_images(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its device's number may be another then: loop devices, LVM, btrfs, NFS."""
    before = disk.identity(base)
    stat = Path.stat

    def elsewhere(path: Path, *, follow_symlinks: bool = True) -> SimpleNamespace:
        real = stat(path, follow_symlinks=follow_symlinks)
        fields = {name: getattr(real, name) for name in dir(real) if name.startswith("st_")}
        return SimpleNamespace(**{**fields, "st_dev": real.st_dev + 1})

    monkeypatch.setattr(Path, "stat", elsewhere)
    assert before == disk.identity(base)


@pytest.mark.tool("losetup")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes block devices")
def test_a_block_device_that_was_written_is_another_image(tmp_path: Path) -> None:
    backing = tmp_path / "device"
    backing.write_bytes(bytes(2**21))
    made = subprocess.run(["losetup", "-f", "--show", backing], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no loop device to be had: {made.stderr}")
    device = Path(made.stdout.strip())
    try:
        create(device, "1M")
        top = create(tmp_path / "top.qcow2", "-b", device, "-F", "qcow2")
        before = disk.identity(device), disk.identity(top)
        assert before == (disk.identity(device), disk.identity(top))

        with open(device, "r+b", buffering=0) as written:
            written.seek(2**20)
            written.write(b"x" * 4096)
            os.fsync(written.fileno())

        assert before[0] != disk.identity(device)
        assert before[1] != disk.identity(top)
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


def test_an_image_whose_base_is_gone(base: Path, tmp_path: Path) -> None:
    top = create(tmp_path / "top.qcow2", "-b", "base.qcow2", "-F", "qcow2")
    base.unlink()

    with pytest.raises(ImageError, match="cannot be used"):
        disk.identity(top)
    with pytest.raises(ImageError, match="there is no image"):
        disk.identity(base)


@pytest.fixture(name="asked")
def _asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where every call of qemu-img is written down from now on."""
    (tmp_path / "bin").mkdir()
    asked, wrapper = tmp_path / "asked", tmp_path / "bin" / "qemu-img"
    wrapper.write_text(f'#!/bin/sh\necho "$1" >>{asked}\nexec {shutil.which("qemu-img")} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", str(wrapper.parent), prepend=":")
    monkeypatch.setattr(programs, "SETTLED", {})  # where the run around this test has found its own
    return asked


def test_an_image_is_looked_at_once_by_a_process(base: Path, asked: Path) -> None:
    assert disk.inspect(base) == disk.inspect(base)

    assert asked.read_text().split() == ["info", "check"]


def test_an_image_of_several_files_is_looked_at_once_whoever_asks(base: Path, asked: Path, tmp_path: Path) -> None:
    create(tmp_path / "top.qcow2", "-b", "base.qcow2", "-F", "qcow2")
    top = tmp_path / "link"
    top.symlink_to("top.qcow2")
    asked.write_text("")
    before = disk.identity(top)
    disk.inspect(top)

    assert before == disk.identity(tmp_path / "top.qcow2")
    assert asked.read_text().split() == ["info", "check"]
    with open(base, "ab") as file:
        file.write(bytes(512))
    assert before != disk.identity(top)
    assert asked.read_text().split() == ["info", "check"] * 2


@pytest.mark.parametrize("changed", ["base.qcow2", "top.qcow2"])
def test_an_image_that_was_changed_is_looked_at_again(base: Path, asked: Path, tmp_path: Path, changed: str) -> None:
    top = create(tmp_path / "top.qcow2", "-b", "base.qcow2", "-F", "qcow2")
    disk.inspect(top)
    before = len(asked.read_text().split())

    with open(tmp_path / changed, "ab") as file:
        file.write(bytes(512))
    disk.inspect(top)

    assert asked.read_text().split()[before:] == ["info", "check"]


def test_an_image_that_is_cut_short_after_it_was_looked_at(base: Path) -> None:
    subprocess.run(["qemu-io", "-c", "write 0 512k", base], check=True, capture_output=True)
    disk.inspect(base)

    os.truncate(base, base.stat().st_size // 2)

    with pytest.raises(ImageError, match="damaged or truncated"):
        disk.inspect(base)


def test_an_image_whose_path_is_no_text_is_refused(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.qcow2"))
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"], check=True)

    with pytest.raises(ImageError, match="is no UTF-8"):
        disk.inspect(path)
