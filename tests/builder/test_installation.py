"""From an ISO to a sealed image that tests run on, and every way an installation can fail, with the practice installer.

Real firmware, real discs, real restarts; only what is installed is the practice system rather than Windows.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm import disk, notes
from pytest_smolvm.builder import BuildError, Recipe, build, causes
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

EXAMPLES = Path(__file__).parents[2] / "examples"
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


class Listening:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.notes: list[str] = []

    def started(self, phase: str) -> None:
        self.phases.append(phase)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def finished(self, phase: str) -> None:
        pass


def test_from_iso_to_passing_examples(recipe: Recipe, store: Store, tmp_path: Path) -> None:
    """The whole way: discs looked at, installed with two restarts, proven on virtio, sealed, used by the examples."""
    script = tmp_path / "leave-a-mark.cmd"
    script.write_bytes(b"@echo baked> C:\\ProgramData\\baked.txt\r\n")
    progress = Listening()

    image = build(replace(recipe, extra_scripts=(script,)), progress, store)

    assert [phase for phase in progress.phases if phase in causes.PHASES] == list(causes.PHASES)
    assert stat.S_IMODE(image.stat().st_mode) == 0o444
    assert disk.inspect(image).virtual_size == 64 << 30
    note = notes.read(notes.beside(image))
    assert note is not None
    assert note["account"] == {"user": "smolvm", "password": "smolvm"}
    assert note["system"]["edition"] == "Windows 11 Pro"
    assert len(list((tmp_path / "win11.qcow2.screens").glob("*.png"))) >= 4
    assert not (tmp_path / ".win11.qcow2.building").exists()
    environment = {**os.environ, "SMOLVM_HOME": str(store.root)}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--smolvm-image", str(image), str(EXAMPLES)]
    run = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:]


@pytest.mark.parametrize(
    ("name", "phase", "words"),
    [
        ("refuse", causes.WINDOWS_PE, "seems to be asking something"),
        ("question", causes.WINDOWS_PE, "seems to be asking something"),
        ("off", causes.WINDOWS_PE, "switched the computer off before it had copied"),
        ("early-loop", causes.WINDOWS_PE, "restarted 4 times without copying"),
        ("hang", causes.COPYING, "copying stopped"),
        ("fail", causes.DEVICES, "shows a message instead of getting its devices ready"),
        ("loop", causes.DEVICES, "restarted 5 times without getting any further"),
    ],
)
def test_failures(recipe: Recipe, variant: Any, store: Store, name: str, phase: str, words: str) -> None:
    """Each ends with its own phase and cause, a picture of the screen, and nothing at the output."""
    with pytest.raises(BuildError, match=words) as caught:
        build(replace(recipe, iso=variant(name), stall=STALL), Silent(), store)

    assert caught.value.phase == phase
    assert caught.value.evidence is not None
    assert list(caught.value.evidence.glob("*last.png"))
    assert not recipe.output.exists()
    assert not recipe.output.with_name(f".{recipe.output.name}.building").exists()


def test_answer_file_must_be_readable_as_windows_reads(recipe: Recipe, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer file that begins with a byte-order mark is ignored, and Setup asks; the installer is as strict as that."""
    monkeypatch.setattr("pytest_smolvm.builder.unattend.render", lambda wanted: "\ufeff<?xml version='1.0'?><unattend/>")

    with pytest.raises(BuildError, match="seems to be asking something"):
        build(replace(recipe, stall=STALL), Silent(), store)
