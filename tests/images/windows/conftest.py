"""The practice installer's disc, and a recipe that installs from it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_smolvm.host.locks import exclusive
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store, default_root
from pytest_smolvm.images.practice.build import practice_image, step_names
from pytest_smolvm.images.practice.kernel import KernelFiles, read_kernel
from pytest_smolvm.images.practice.recipe import PracticeRecipe
from pytest_smolvm.images.practice.steps import in_use
from pytest_smolvm.images.windows import BuildError, Recipe, build
from tests.booted.conftest import guest_processes
from tests.images.windows import installer_disc
from tests.images.windows.discs import virtio_iso

# The firmware measures the installer for 20 s in which nothing is written, and three times that on a busy host.
STALL = 120.0


@pytest.fixture(name="store", scope="session")
def _store(request: pytest.FixtureRequest) -> Store:
    if "practice" not in (request.config.getoption("smolvm_image") or os.environ.get("SMOLVM_IMAGE", "")):
        pytest.skip("installations are tried with the practice system: give --smolvm-image=practice")
    return Store.at(Path(request.config.getoption("smolvm_store") or default_root()))


@pytest.fixture(name="kernel", scope="session")
def _kernel(store: Store) -> KernelFiles:
    """The practice image's kernel."""
    practice_image(store, Silent())
    root = store.work / step_names(PracticeRecipe()).root
    with in_use(root):
        return read_kernel(root)


@pytest.fixture(name="installer", scope="session")
def _installer(store: Store, kernel: KernelFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice installer's disc, made by the first worker for all."""
    image = practice_image(store, Silent())
    disc = store.work / f"installer-{image.stem}-{installer_disc.key()}.iso"
    with exclusive(store.lock("installer")):
        if not disc.exists():
            made = installer_disc.make(image, kernel, tmp_path_factory.mktemp("installer"), disc.with_suffix(".new"))
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


@pytest.fixture(name="changed")
def _changed(installer: Path, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """The installer's disc with a change, gone after the test: they are large."""
    output = tmp_path / "changed.iso"
    yield lambda change, *words: change(installer, output, *words)
    output.unlink(missing_ok=True)


@pytest.fixture(name="failing")
def _failing(store: Store) -> Callable[[Recipe], BuildError]:
    """A build that fails: nothing at the output, nothing at work any more, and the screen as it was."""

    def fail(recipe: Recipe) -> BuildError:
        with pytest.raises(BuildError) as caught:
            build(recipe, Silent(), store)
        assert caught.value.evidence is not None
        assert list(caught.value.evidence.glob("*last.png"))
        assert not recipe.output.exists()
        assert recipe.output.with_name(f".{recipe.output.name}.building").exists() == recipe.keep_failed
        assert [] == guest_processes(recipe.output.parent)
        return caught.value

    return fail


class SmallDisk:
    """A file system whose size can be changed.

    :param place: where it is mounted.
    """

    def __init__(self, place: Path) -> None:
        self.place = place

    def resize(self, mebibytes: int) -> None:
        """Make it so large."""
        self._resize(mebibytes * 2**20)

    def fill_up(self, mebibytes: int) -> None:
        """Leave so much room."""
        found = os.statvfs(self.place)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        self._resize(max(used, found.f_frsize) + mebibytes * 2**20)  # a size of 0 would be no limit

    def _resize(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", self.place], check=True)


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """It takes memory as far as it is used."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", place], check=True)
    yield SmallDisk(place)
    subprocess.run(["umount", place], check=True)
