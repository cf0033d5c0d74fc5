"""The table of images in the configuration file: what may be written, and what an error says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.plugin.image_table import select, table
from tests.plugin.test_options import HERE, INI_PLACE, resolved

LINES = [
    "win10  = images/win10.qcow2   tags=client",
    "srv22 = 'my images/srv 22.qcow2' user=Administrator password=$SRV_PASSWORD tags=server,core memory=2048 cpus=1",
    "old=/x/old.qcow2 bus=sata firmware=secure-boot",
    "practice = practice",
]
TAGS = {"win10": frozenset({"client"}), "srv22": frozenset({"server", "core"}), "old": frozenset[str]()}


def test_a_row_says_what_guests_on_an_image_need() -> None:
    rows = table(LINES, lambda word: HERE / word)

    assert ["win10", "srv22", "old", "practice"] == list(rows)
    assert [HERE / "images/win10.qcow2", HERE / "my images/srv 22.qcow2", Path("/x/old.qcow2"), None] == [
        row.path for row in rows.values()
    ]
    srv22 = rows["srv22"]
    assert {"ssh_user": "Administrator", "memory": 2048, "cpus": 1} == srv22.wants
    assert (frozenset({"server", "core"}), "SRV_PASSWORD") == (srv22.tags, srv22.password)
    assert {"bus": "sata", "firmware": "uefi", "secure_boot": True} == rows["old"].wants


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("win10", "expected NAME = PATH"),
        ("win10 =", "expected NAME = PATH"),
        ("win 10 = a.qcow2", "expected NAME = PATH"),
        ("all = a.qcow2", "expected NAME = PATH"),
        ("win10 = 'a.qcow2", "No closing quotation"),
        ("win10 = a.qcow2 colour=red", "unknown column 'colour'; possible are tags, user, password"),
        ("win10 = a.qcow2 client", "unknown column 'client'"),
        ("win10 = a.qcow2 tags=a tags=b", "tags is said twice"),
        ("win10 = a.qcow2 tags=a,,b", "tags are letters"),
        ("win10 = a.qcow2 user=", "user= has no value"),
        ("win10 = a.qcow2 memory=4G", "'4G' is not a whole number"),
        ("win10 = a.qcow2 bus=ide", "bus=ide is not one of virtio, sata"),
        ("win10 = a.qcow2 firmware=efi", "firmware=efi is not one of uefi, secure-boot, bios"),
        ("win10 = a.qcow2 password=hunter22", r"names the environment variable that holds it"),
    ],
)
def test_a_row_that_makes_no_sense_is_quoted_with_the_reason(line: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"^smolvm_images: .*{said}"):
        table([line], Path)


def test_two_images_of_one_name() -> None:
    with pytest.raises(UsageError, match="smolvm_images: two images are called 'win10'"):
        table(["win10 = a.qcow2", "win10 = b.qcow2"], Path)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("win10", ["win10"]),
        ("all", ["win10", "srv22", "old"]),
        ("tag:core", ["srv22"]),
        (["old", "tag:client", "old"], ["old", "win10"]),
    ],
)
def test_images_are_meant_by_name_tag_or_all(wanted: object, names: list[str]) -> None:
    assert names == select(wanted, TAGS, "here")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("win11", "no image is called 'win11'; there are win10, srv22, old"),
        ("tag:servr", "no image has the tag 'servr'; tags are client, core, server"),
        ([], r"not \[\]"),
        (3, "not 3"),
        ([3], r"not \[3\]"),
    ],
)
def test_what_means_no_image_is_an_error(wanted: object, said: str) -> None:
    with pytest.raises(UsageError, match=f"^here: .*{said}"):
        select(wanted, TAGS, "here")


def test_the_first_of_the_table_is_what_tests_run_on_unless_somebody_says_otherwise() -> None:
    plain = resolved(None, {"images": LINES})
    assert {"win10": INI_PLACE / "images/win10.qcow2"} == plain.image
    assert ["win10", "srv22", "old", "practice"] == list(plain.paths)

    other = resolved({"image": ["old", "win10=/y/mine.qcow2", "more=z.qcow2"]}, {"images": LINES})
    assert {"old": Path("/x/old.qcow2"), "win10": Path("/y/mine.qcow2"), "more": HERE / "z.qcow2"} == other.image
    assert ["old", "win10", "more", "srv22", "practice"] == list(other.paths)
    assert Path("/y/mine.qcow2") == other.images["win10"].path
    assert {"client"} == other.tags["win10"]
    assert set() == other.tags["more"]


def test_a_run_is_restricted_to_images_that_there_are() -> None:
    assert ("tag:core",) == resolved({"only": ["tag:core"]}, {"images": LINES}).only
    with pytest.raises(UsageError, match="--smolvm-only: no image is called 'win11'"):
        resolved({"only": ["win11"]}, {"images": LINES})
