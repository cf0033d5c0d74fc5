"""Installations that fail by themselves when much has been done already: real firmware, real discs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.windows import BuildError, Recipe, build
from pytest_smolvm.images.windows.answers import answer_disc
from pytest_smolvm.images.windows.setup import diagnosis
from tests.images.windows.conftest import SmallDisk

pytestmark = pytest.mark.slow


def test_our_script_is_not_there(
    recipe: Recipe, failing: Callable[[Recipe], BuildError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told at once, on the serial port; PowerShell's exit code is negative then."""
    scripts = dict(answer_disc.scripts())
    del scripts["specialize.ps1"]
    monkeypatch.setattr(answer_disc, "scripts", scripts.items)

    error = failing(recipe)

    assert error.phase == diagnosis.DEVICES
    assert "'specialize' could not be run" in error.what


class Filling(Silent):
    """Progress during which somebody else fills the disk."""

    def __init__(self, disk: SmallDisk) -> None:
        self._disk = disk

    def started(self, phase: str) -> None:
        if phase == "making the answer disc":
            self._disk.fill_up(200)


def test_the_disk_fills_up(recipe: Recipe, store: Store, small_disk: SmallDisk) -> None:
    """There was room when it was looked for. QEMU stops the guest, the build says why, and clears up."""
    small_disk.resize(8000)
    recipe = replace(recipe, output=small_disk.place / "win11.qcow2")

    with pytest.raises(BuildError, match="a disk of this host is full") as caught:
        build(recipe, Filling(small_disk), store)

    assert caught.value.phase == diagnosis.COPYING
    assert [path.name for path in small_disk.place.iterdir()] == ["win11.qcow2.failed"]
