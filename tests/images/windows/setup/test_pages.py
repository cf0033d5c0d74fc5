"""The practice installer's pages, read and answered by `Screen`: there is no system yet that could tell anything."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_smolvm import Screen
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.windows.setup.computer import Installation, running
from pytest_smolvm.machine import hypervisor
from tests.images.windows.discs import virtio_iso


@pytest.fixture(name="screen")
def _screen(installer: Path, store: Store, tmp_path: Path) -> Iterator[Screen]:
    """That of a computer with the installer's disc, and another one on which there is no answer file."""
    disk, files = tmp_path / "disk.qcow2", tmp_path / "files"
    files.mkdir()
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64G"], check=True)
    wanted = Installation(
        directory=files,
        disk=disk,
        windows=installer,
        answers=virtio_iso(tmp_path / "virtio-win.iso"),
        memory=2048,
        cpus=2,
        secure_boot=False,
        offline=True,
    )
    with running(wanted, hypervisor.find(store)) as computer:
        yield Screen(computer.display, Baselines())


def test_they_are_read_and_answered(screen: Screen) -> None:
    """The boot loader's question, by text and key, and then the installer's, which waits for somebody."""
    screen.wait_for_text("Press any key to boot from CD")
    screen.press("enter")

    page = screen.wait_for_text("Select language settings")
    screen.wait_until_still(0.5)

    assert "Next" in screen.text(region=(0, page.top - 5, screen.size[0], page.height + 10))
