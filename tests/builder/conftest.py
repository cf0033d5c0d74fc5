"""The practice installer's disc, and a recipe that installs from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.builder import Recipe
from pytest_smolvm.images import practice_image
from pytest_smolvm.locks import exclusive
from pytest_smolvm.practice.kernel import read_kernel
from pytest_smolvm.practice.recipe import Recipe as PracticeRecipe
from pytest_smolvm.practice.root import root_key
from pytest_smolvm.progress import Silent
from pytest_smolvm.settings import default_store
from pytest_smolvm.store import Store

from . import installer_disc
from .discs import virtio_iso

# The firmware measures the installer for 20 s in which nothing is written, and three times that on a busy host.
STALL = 120.0


@pytest.fixture(name="store", scope="session")
def _store(request: pytest.FixtureRequest) -> Store:
    if "practice" not in (request.config.getoption("smolvm_image") or os.environ.get("SMOLVM_IMAGE", "")):
        pytest.skip("installations are tried with the practice system: give --smolvm-image practice")
    return Store.at(Path(request.config.getoption("smolvm_store") or default_store()))


@pytest.fixture(name="installer", scope="session")
def _installer(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice installer's disc, made by the first worker for all."""
    image = practice_image(store, Silent())
    disc = store.work / f"installer-{image.stem}.iso"
    with exclusive(store.lock("installer")):
        if not disc.exists():
            files = read_kernel(store.work / f"root-{root_key(PracticeRecipe())}.tar")
            made = installer_disc.make(image, files, tmp_path_factory.mktemp("installer"), disc.with_suffix(".new"))
            made.rename(disc)
    return disc


@pytest.fixture(name="recipe")
def _recipe(installer: Path, tmp_path: Path) -> Recipe:
    return Recipe(
        iso=installer,
        virtio_iso=virtio_iso(tmp_path / "virtio-win.iso"),
        output=tmp_path / "win11.qcow2",
        stall=STALL * 3,
        timeout=1800.0,
        secure_boot=False,  # the practice installer is not signed by Microsoft
    )


@pytest.fixture(name="variant")
def _variant(installer: Path, tmp_path: Path) -> Iterator[Any]:
    made = []

    def make(name: str) -> Path:
        made.append(installer_disc.with_variant(installer, tmp_path / f"{name}.iso", name))
        return made[-1]

    yield make
    for path in made:
        path.unlink()
