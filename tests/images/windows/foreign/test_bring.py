"""The whole way, with the practice disk in Windows' place: as people bring disks, to images that tests run on."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import BuildError, ImageError, UsageError
from pytest_smolvm.host import records
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.catalog import Image
from pytest_smolvm.images.practice.build import practice_image
from pytest_smolvm.images.practice.disk import partition
from pytest_smolvm.images.windows.foreign.bring import bring
from pytest_smolvm.images.windows.foreign.wish import Wish
from pytest_smolvm.machine import disk
from tests.booted.conftest import guest_processes
from tests.images.windows.foreign import practice
from tests.images.windows.foreign.test_archive import ovf

EXAMPLES = Path(__file__).parents[4] / "examples"


def brought(store: Store, source: Path, **words: Any) -> Path:
    return bring(Wish(source=source, output=source.with_name("win.qcow2"), **words), Silent(), store)


@pytest.fixture(name="clean")
def _clean(tmp_path: Path) -> Any:
    """Nothing is at work afterwards, and nothing is left of the work."""
    yield
    assert [] == guest_processes(tmp_path)
    assert not (tmp_path / ".win.qcow2.importing").exists()


def test_a_disk_for_a_bios_in_a_vhdx(store: Store, tmp_path: Path, clean: None) -> None:
    """Firmware found by looking, devices by trying; what was found is what tests on the image get."""
    plain = practice.with_bios(practice.whole(practice_image(store, Silent()), tmp_path / "plain"))
    source = practice.converted(plain, tmp_path / "win.vhdx", "-O", "vhdx")
    plain.unlink()

    image = brought(store, source)

    assert stat.S_IMODE(image.stat().st_mode) == 0o444
    assert disk.inspect(image).virtual_size == 8 << 30
    record = records.read(records.beside(image))
    assert record is not None
    assert record["source"]["format"] == "vhdx"
    assert record["guest"] == {"memory": 1024, "bus": "virtio", "firmware": "bios"}
    wants = Image.at(image).wants
    assert (wants["bus"], wants["firmware"], wants["ssh_user"]) == ("virtio", "bios", "smolvm")
    assert not (tmp_path / "win.qcow2.failed").exists()


def test_a_system_that_lets_nobody_in(store: Store, tmp_path: Path, clean: None) -> None:
    """It is tried on all devices that it may have drivers for; what could be seen is kept."""
    partition(tmp_path / "plain")

    with pytest.raises(BuildError) as caught:
        brought(store, tmp_path / "plain", firmware="bios", timeout=5.0)

    assert "on virtio devices: " in caught.value.what
    assert "on sata devices: " in caught.value.what
    assert caught.value.what.count("no SSH server ever answered") == 2
    kept = {path.name for path in (tmp_path / "win.qcow2.failed").iterdir()}
    assert {"start-virtio-bios.log", "start-sata-bios.log"} <= kept
    assert any(name.endswith(".png") for name in kept)
    assert not (tmp_path / "win.qcow2").exists()


def test_what_is_no_windows_leaves_nothing(tmp_path: Path, clean: None) -> None:
    """Each told as what it is, before anything is started."""
    own = Store.at(tmp_path / "store")
    empty, text = tmp_path / "empty.raw", tmp_path / "metadata.json"
    empty.write_bytes(bytes(510) + b"\x55\xaa" + bytes(1 << 20))
    text.write_text('{"provider": "libvirt"}', encoding="utf-8")

    with pytest.raises(ImageError, match="the disk has no partitions"):
        brought(own, empty)
    with pytest.raises(ImageError, match=r"\(a box for libvirt\) has no disk in it"):
        brought(own, practice.packed(tmp_path / "win.box", text, mode="w:gz"))
    assert not (tmp_path / "win.qcow2").exists()


def test_over_an_image_that_exists(tmp_path: Path) -> None:
    """It is left alone."""
    source, output = tmp_path / "win.raw", tmp_path / "win.qcow2"
    source.write_bytes(bytes(1024))
    output.write_text("somebody's", encoding="utf-8")

    with pytest.raises(UsageError, match=r"win\.qcow2 exists; choose another --output, or replace it with --force"):
        brought(Store.at(tmp_path / "store"), source)

    assert output.read_text(encoding="utf-8") == "somebody's"


@pytest.mark.slow  # each is started, baked and used: minutes
@pytest.mark.parametrize("kind", ["vhd", "vhdx", "vmdk", "ova", "box"])
def test_examples_pass_on_what_was_brought(store: Store, tmp_path: Path, clean: None, kind: str) -> None:
    """The practice disk as it is, by UEFI, in what people have."""
    plain = practice.whole(practice_image(store, Silent()), tmp_path / "plain")
    source = _as(kind, plain, tmp_path)
    plain.unlink()

    image = brought(store, source)
    source.unlink()

    assert (records.read(records.beside(image)) or {})["guest"]["firmware"] == "uefi"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--smolvm-image={image}", str(EXAMPLES)]
    environment = {**os.environ, "SMOLVM_HOME": str(store.root)}
    run = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:]


def _as(kind: str, plain: Path, place: Path) -> Path:
    if kind == "vhd":
        return practice.converted(plain, place / "win.vhd", "-O", "vpc")
    if kind == "vhdx":
        return practice.converted(plain, place / "win.vhdx", "-O", "vhdx")
    if kind == "vmdk":
        return practice.converted(plain, place / "win.vmdk", "-O", "vmdk")
    if kind == "ova":
        stream = practice.converted(plain, place / "win.vmdk", "-O", "vmdk", "-o", "subformat=streamOptimized")
        description = place / "win.ovf"
        description.write_bytes(ovf("win.vmdk"))
        return practice.packed(place / "win.ova", description, stream)
    box = practice.converted(plain, place / "box.img", "-O", "qcow2", "-c")
    about = place / "metadata.json"
    about.write_text('{"provider": "libvirt", "format": "qcow2", "virtual_size": 8}', encoding="utf-8")
    return practice.packed(place / "win.box", about, box, mode="w:gz")
