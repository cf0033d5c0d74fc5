"""What is known of an image before a guest runs on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.spec import DEFAULT_MEMORY, GuestSpec
from pytest_smolvm.host import records
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.catalog import Catalog, Image
from pytest_smolvm.images.practice.image import publish


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


def image(path: Path, record: dict[str, Any] | None = None) -> Path:
    path.touch()
    if record is not None:
        records.write(records.beside(path), record)
    return path


def test_a_practice_image_is_known_by_its_record_whatever_it_is_called(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "practice.qcow2"
    publish(image(tmp_path / "made.qcow2"), path, store)

    assert Catalog({"p": path}, lambda: store)["p"].memory == Catalog({"p": path}, lambda: store).memory("p") == 1024
    assert Image.at(path).memory == 1024


@pytest.mark.parametrize(
    "record", [None, {}, {"guest": None}, {"guest": {}}, {"guest": {"memory": "much"}}, {"system": {"build": "26100"}}]
)
def test_an_image_that_says_nothing_has_guests_of_the_default_size(
    tmp_path: Path, store: Store, record: dict[str, Any] | None
) -> None:
    """Even if it is called practice."""
    path = image(tmp_path / "practice.qcow2", record)

    assert Catalog({"practice": path}, lambda: store)["practice"].memory == DEFAULT_MEMORY


def test_the_practice_image_need_not_be_made_to_know_what_it_needs() -> None:
    def unwanted() -> Store:
        raise AssertionError

    assert Catalog({"practice": None}, unwanted).memory("practice") == 1024


def test_a_name_that_nobody_has_given(tmp_path: Path, store: Store) -> None:
    catalog = Catalog({"win11": tmp_path / "x.qcow2", "win10": tmp_path / "y.qcow2"}, lambda: store)

    with pytest.raises(UsageError, match="no image is called 'win7'; configured are: win11, win10 "):
        catalog["win7"]
    assert list(catalog) == ["win11", "win10"]


def test_what_an_image_says_of_its_guests_is_wanted_of_them(tmp_path: Path) -> None:
    """One that was imported says on what it was proven, and as whom."""
    record = {
        "guest": {"memory": 2048, "bus": "sata", "firmware": "bios"},
        "account": {"user": "vagrant", "password": "vagrant"},
    }

    found = Image.at(image(tmp_path / "box.qcow2", record))

    wanted = {"memory": 2048, "bus": "sata", "firmware": "bios", "ssh_user": "vagrant", "ssh_password": "vagrant"}
    assert found.wants == wanted
    assert "'vagrant'" not in repr(found.wants["ssh_password"])
    assert GuestSpec(image=found.path).having(**found.wants).firmware == "bios"


@pytest.mark.parametrize(
    "record",
    [
        {"guest": {"bus": "scsi", "firmware": 7}, "account": {"user": "", "password": ["p"]}},
        {"guest": "sata", "account": "vagrant"},
    ],
)
def test_what_makes_no_sense_in_a_record_is_not_wanted(tmp_path: Path, record: dict[str, Any]) -> None:
    assert Image.at(image(tmp_path / "box.qcow2", record)).wants == {"memory": DEFAULT_MEMORY}
