"""What the driver disc offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm.errors import ImageError
from pytest_smolvm.images.windows.media import drivers
from tests.images.windows.discs import virtio_iso, windows_iso


def test_finds_the_releases_drivers(tmp_path: Path) -> None:
    """Folders of the release, the version of the disc, the agent."""
    found = drivers.look(virtio_iso(tmp_path / "v.iso"), "Windows 11", "w11")

    assert found.version == "0.1.271"
    assert dict(found.folders)["vioscsi"] == "vioscsi/w11/amd64"
    assert dict(found.folders)["NetKVM"] == "NetKVM/w11/amd64"
    assert found.agent == "guest-agent/qemu-ga-x86_64.msi"
    assert found.warnings == ()


def test_version_from_the_drivers(tmp_path: Path) -> None:
    """RHEL's disc has another label."""
    found = drivers.look(virtio_iso(tmp_path / "v.iso", label="RHV"), "Windows 10", "w10")

    assert found.version == "10/01/2024,100.96.104.27100"


def test_missing_release(tmp_path: Path) -> None:
    """The message names the releases there are."""
    disc = virtio_iso(tmp_path / "v.iso", ("w10", "2k22"))

    with pytest.raises(
        ImageError, match=r"no vioscsi and no NetKVM driver for Windows 11 \(w11/amd64\); it has: 2k22, w10"
    ):
        drivers.look(disc, "Windows 11", "w11")


def test_another_disc(tmp_path: Path) -> None:
    """A Windows disc in place of the driver disc."""
    with pytest.raises(ImageError, match="is not the virtio-win driver disc"):
        drivers.look(windows_iso(tmp_path / "w.iso"), "Windows 11", "w11")


def test_known_bad_version_is_told(tmp_path: Path) -> None:
    """0.1.285 damages page files on virtio-blk."""
    found = drivers.look(virtio_iso(tmp_path / "v.iso", label="virtio-win-0.1.285", agent=False), "Windows 11", "w11")

    assert "0.1.285" in found.warnings[0]
    assert "no guest agent" in found.warnings[1]


@pytest.mark.parametrize(
    ("version", "told"), [("0.1.217", True), ("0.1.221", False), ("0.1.271", False), ("0.2.1", False)]
)
def test_publisher_that_windows_does_not_trust(tmp_path: Path, version: str, told: bool) -> None:
    """Nobody is there to say yes."""
    found = drivers.look(virtio_iso(tmp_path / "v.iso", label=f"virtio-win-{version}"), "Windows 11", "w11")

    assert any("does not trust" in line for line in found.warnings) == told
