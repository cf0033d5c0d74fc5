"""Bad media and bad outputs, before anything is started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import CapacityError, HostError, ImageError, StoreError, UsageError
from pytest_smolvm.host import proc
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.windows import place, preflight
from pytest_smolvm.images.windows.recipe import Recipe
from pytest_smolvm.machine import firmware
from tests.images.windows.conftest import SmallDisk
from tests.images.windows.discs import edition_xml, signed_program, virtio_iso, windows_iso

SERVER = edition_xml(1, "Windows Server 2022 Standard", "ServerStandard", build=20348, installation="Server")
CORE = edition_xml(1, "Windows Server 2025 Standard", "ServerStandard", build=26100, installation="Server Core")


OLD = "Microsoft Windows Production PCA 2011"


def _firmware_has(authority: str) -> bool:
    try:
        return authority.encode() in firmware.find(secure_boot=True).variables.read_bytes()
    except HostError:
        return False


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Recipe:
    return with_media(tmp_path)


def with_media(tmp_path: Path, edition: str | None = None, **changes: Any) -> Recipe:
    words: dict[str, Any] = {
        "iso": windows_iso(tmp_path / "w.iso", (edition or edition_xml(1, size=1_000_000),)),
        "virtio_iso": virtio_iso(tmp_path / "v.iso"),
        "output": tmp_path / "out.qcow2",
    }
    return Recipe(**(words | changes))


def test_media_that_fit(recipe: Recipe) -> None:
    """Release, drivers and key follow from the discs."""
    found = preflight.look(recipe)

    assert found.release == "Windows 11"
    assert found.product_key == "W269N-WFGWX-YVC9B-4J6C9-T83GX"
    assert "W269N" not in repr(found)


def test_drivers_for_that_version_missing(tmp_path: Path) -> None:
    """The disc is virtio-win's, only too old for this Windows."""
    recipe = with_media(tmp_path, virtio_iso=virtio_iso(tmp_path / "old.iso", ("w10",)))

    with pytest.raises(ImageError, match="no vioscsi and no NetKVM driver for Windows 11"):
        preflight.look(recipe)


def test_weak_password_for_a_server(tmp_path: Path) -> None:
    """Windows Server would refuse it in the middle of the installation; the public default is let through by a policy."""
    with pytest.raises(UsageError, match="too weak"):
        preflight.look(with_media(tmp_path, SERVER, password="letmeinplease"))

    assert preflight.look(with_media(tmp_path, SERVER)).release == "Windows Server 2022"


def test_desktop_of_server_core(tmp_path: Path) -> None:
    """There is none to log on to."""
    with pytest.raises(UsageError, match="has no desktop"):
        preflight.look(with_media(tmp_path, CORE, desktop=True))


@pytest.mark.parametrize("changes", [{"disk_size": 40}, {"memory": 2048}, {"cpus": 1}])
def test_too_small_for_windows_11(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Its Setup would stop at "This PC can't run Windows 11"; Windows 10 does not mind."""
    with pytest.raises(UsageError, match="Windows 11 wants at least"):
        preflight.look(with_media(tmp_path, **changes))

    preflight.look(with_media(tmp_path, edition_xml(1, "Windows 10 Pro", build=19045), **changes))


def test_checks_that_can_be_turned_off(tmp_path: Path) -> None:
    """Those of disk and memory; processors are counted whatever Setup is told."""
    preflight.look(with_media(tmp_path, bypass_checks=True, disk_size=40, memory=2048))

    with pytest.raises(UsageError, match=r"at least 2 processors.*cannot be told"):
        preflight.look(with_media(tmp_path, bypass_checks=True, cpus=1))


def test_openssh_where_windows_has_none(tmp_path: Path) -> None:
    """Server 2016 has no such feature, so a package is needed."""
    old = edition_xml(1, "Windows Server 2016", "ServerStandard", build=14393, installation="Server")
    recipe = with_media(tmp_path, old, virtio_iso=virtio_iso(tmp_path / "v16.iso", ("2k16",)))

    with pytest.raises(UsageError, match="--openssh"):
        preflight.look(recipe)


def test_evaluation_is_told(tmp_path: Path) -> None:
    """And gets no key, which evaluation media refuse."""
    found = preflight.look(with_media(tmp_path, edition_xml(1, "Windows 11 Enterprise Evaluation", "EnterpriseEval")))

    assert found.product_key is None
    assert any("runs out" in warning for warning in found.warnings)


def test_no_key_is_told(tmp_path: Path) -> None:
    """Setup may ask for one, an hour later."""
    found = preflight.look(with_media(tmp_path, edition_xml(1, "Windows 11 SE", "CloudEdition")))

    assert found.product_key is None
    assert any("no public setup key of 'Windows 11 SE'" in warning for warning in found.warnings)


def test_language_in_small_letters(tmp_path: Path) -> None:
    """It was an error of the answer file, "a mistake in this package"."""
    assert preflight.look(with_media(tmp_path, edition_xml(1, language="de-de"))).language == "de-DE"


def test_language_that_is_none(tmp_path: Path) -> None:
    """Setup would ask for one."""
    with pytest.raises(ImageError, match="has the language 'klingon'"):
        preflight.look(with_media(tmp_path, edition_xml(1, language="klingon")))


@pytest.mark.skipif(not _firmware_has(OLD), reason="this host's firmware does not have Microsoft's keys of 2011")
def test_boot_manager_that_the_firmware_does_not_know(tmp_path: Path) -> None:
    """Secure Boot refuses it; media since 2026 are signed under another authority than those before."""
    unknown = "Windows UEFI CA 2023" if not _firmware_has("Windows UEFI CA 2023") else ""
    new = windows_iso(tmp_path / "new.iso", (edition_xml(1),), program=signed_program(unknown or "x"))
    old = windows_iso(tmp_path / "old.iso", (edition_xml(1),), program=signed_program(OLD))

    def told(**changes: Any) -> bool:
        return any(
            "Secure Boot will refuse it" in line for line in preflight.look(with_media(tmp_path, **changes)).warnings
        )

    assert told(iso=new) == bool(unknown)
    assert not told(iso=new, secure_boot=False)
    assert not told(iso=old)


def test_output_exists(recipe: Recipe, tmp_path: Path) -> None:
    """It is never overwritten without being asked to."""
    recipe.output.write_bytes(b"precious")

    with pytest.raises(UsageError, match="exists; choose another --output, or replace it with --force"):
        with place.claimed(recipe.output, Store.at(tmp_path / "store"), replace=False):
            raise AssertionError("not reached")

    assert recipe.output.read_bytes() == b"precious"


def test_output_in_a_missing_directory(tmp_path: Path) -> None:
    """Nothing is created on the user's behalf."""
    with pytest.raises(UsageError, match="does not exist"):
        with place.claimed(tmp_path / "none" / "out.qcow2", Store.at(tmp_path / "store"), replace=False):
            raise AssertionError("not reached")


def test_output_is_a_directory(tmp_path: Path) -> None:
    """A directory is not an image file."""
    with pytest.raises(UsageError, match="is a directory"):
        with place.claimed(tmp_path, Store.at(tmp_path / "store"), replace=False):
            raise AssertionError("not reached")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_directory_not_writable(tmp_path: Path) -> None:
    """Found out now, not after an hour."""
    (tmp_path / "ro").mkdir(mode=0o555)

    with pytest.raises(StoreError, match="cannot be written"):
        with place.claimed(tmp_path / "ro" / "out.qcow2", Store.at(tmp_path / "store"), replace=False):
            raise AssertionError("not reached")


def test_two_builds_to_one_output(recipe: Recipe, tmp_path: Path) -> None:
    """The second one is told whom it collides with, and a build elsewhere is free."""
    store = Store.at(tmp_path / "store")

    with place.claimed(recipe.output, store, replace=False):
        with pytest.raises(UsageError, match=f"another build is making .*out.qcow2 .process {os.getpid()}"):
            with place.claimed(recipe.output, store, replace=False):
                raise AssertionError("not reached")
        with place.claimed(tmp_path / "other.qcow2", store, replace=False):
            pass
    with place.claimed(recipe.output, store, replace=False):
        pass


def test_full_directory(tmp_path: Path, small_disk: SmallDisk) -> None:
    """The message has both numbers."""
    recipe = with_media(tmp_path, output=small_disk.place / "out.qcow2")

    with pytest.raises(CapacityError, match=r"takes about 2 GiB in .*small, which has 0.1 GiB free"):
        preflight.check_room(recipe, preflight.look(recipe).edition)


def test_too_much_memory(tmp_path: Path) -> None:
    """More than the host has can never work."""
    recipe = with_media(tmp_path, memory=proc.memory_mib()[0] + 1024)

    with pytest.raises(CapacityError, match="this host has"):
        preflight.check_room(recipe, preflight.look(recipe).edition)
