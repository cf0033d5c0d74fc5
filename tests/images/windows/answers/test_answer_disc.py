"""The answer disc, byte by byte where Windows is particular."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pycdlib
import pytest

from pytest_smolvm.images.windows.answers import answer_disc
from pytest_smolvm.images.windows.media import drivers
from pytest_smolvm.images.windows.media.disc import opened
from tests.images.windows.discs import virtio_iso

SECTOR = 2048


@pytest.fixture(name="disc")
def _disc(tmp_path: Path) -> Path:
    package = tmp_path / "OpenSSH-Win64-a-rather-long-name-as-downloads-tend-to-have-these-days-v9.8.zip"
    package.write_bytes(b"zip")
    contents = answer_disc.Contents(
        answer_file="<unattend/>",
        drivers=drivers.look(virtio_iso(tmp_path / "v.iso"), "Windows 11", "w11"),
        openssh=package,
        settings={"user": "smolvm"},
    )
    answer_disc.write(contents, tmp_path / "answers.iso")
    return tmp_path / "answers.iso"


def test_answer_file_has_its_name_in_joliet(disc: Path) -> None:
    """Windows reads the supplementary volume descriptor with a UCS-2 escape; the name must be there in full."""
    content = disc.read_bytes()
    descriptors = {
        content[s * SECTOR]: content[s * SECTOR : (s + 1) * SECTOR]
        for s in range(16, 20)
        if content[s * SECTOR + 1 : s * SECTOR + 6] == b"CD001"
    }
    joliet = descriptors[2]

    assert joliet[88:91] == b"%/E"  # UCS-2 level 3
    root = int.from_bytes(joliet[158:162], "little")
    assert "Autounattend.xml".encode("utf-16-be") in content[root * SECTOR : (root + 1) * SECTOR]


def test_no_rock_ridge(disc: Path) -> None:
    """Nothing may look right on Linux only."""
    iso = pycdlib.PyCdlib()
    iso.open(str(disc))

    assert not iso.has_rock_ridge()
    iso.close()


def test_contents(disc: Path) -> None:
    """Answer file, scripts, the release's drivers without debug symbols, agent, package."""
    with opened(disc) as found:
        names = found.files()
        settings = json.loads(found.read("smolvm/settings.json"))

    assert "Autounattend.xml" in names
    assert {
        "smolvm/setup.cmd",
        "smolvm/specialize.ps1",
        "smolvm/first-logon.ps1",
        "smolvm/finish.ps1",
        "smolvm/steps.ps1",
    } <= set(names)
    assert "smolvm/drivers/vioscsi/vioscsi.inf" in names
    assert "smolvm/openssh/OpenSSH.zip" in names
    assert "smolvm/agent/qemu-ga-x86_64.msi" in names
    assert not [name for name in names if name.endswith(".pdb")]
    assert settings == {"user": "smolvm"}


def test_for_a_first_start(tmp_path: Path) -> None:
    """Passes after Windows PE take this name everywhere; drivers are on the disk already."""
    contents = answer_disc.Contents(
        answer_file="<unattend/>", drivers=None, openssh=None, first_start=True, settings={}
    )
    answer_disc.write(contents, tmp_path / "answers.iso")

    with opened(tmp_path / "answers.iso") as found:
        names = found.files()

    assert "Unattend.xml" in names
    assert not [name for name in names if name.lower() == "autounattend.xml" or "drivers" in name]


def test_only_the_owner_can_read_it(disc: Path) -> None:
    """It holds the account's password."""
    assert stat.S_IMODE(disc.stat().st_mode) == 0o600


def test_scripts_are_windows_text() -> None:
    """cmd.exe wants CR LF; PowerShell 5.1 takes a script without a mark for ANSI; neither has long lines of ours."""
    for name, content in answer_disc.scripts():
        assert b"\n" not in content.replace(b"\r\n", b""), name
        assert content.startswith(b"\xef\xbb\xbf") == name.endswith(".ps1"), name
        content.decode("utf-8-sig").encode("ascii")
