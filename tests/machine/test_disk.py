"""What tells one image from another, with the real qemu-img."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_smolvm.errors import ImageError
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


def test_an_image_whose_base_is_gone(base: Path, tmp_path: Path) -> None:
    top = create(tmp_path / "top.qcow2", "-b", "base.qcow2", "-F", "qcow2")
    base.unlink()

    with pytest.raises(ImageError, match="cannot be used"):
        disk.identity(top)
    with pytest.raises(ImageError, match="there is no image"):
        disk.identity(base)
