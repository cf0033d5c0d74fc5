"""Builds that are interrupted, refused or repeated: what stays at the output and what the next build does.

Discs, disks and sealing are real; the installation itself is replaced, since test_installation.py has the real one.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import SmolVMError, StoreError, UsageError
from pytest_smolvm.host import records
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.windows import BuildError, Recipe, build, provenance
from pytest_smolvm.images.windows.media.disc import opened
from pytest_smolvm.machine import disk
from tests.images.windows.conftest import SmallDisk
from tests.images.windows.discs import edition_xml, virtio_iso, windows_iso

pytestmark = pytest.mark.tool("qemu-img", "qemu-system-x86_64", "swtpm")


class Stage:
    """Stands in for the two parts of a build that start a guest, and counts them."""

    def __init__(self) -> None:
        self.installed = self.proven = 0
        self.installing: BaseException | None = None
        self.proving: BaseException | None = None
        self.result = b""
        self.answers = ""
        self.settings: dict[str, object] = {}

    @contextmanager
    def running(self, wanted: Any, host: object) -> Iterator[object]:
        with opened(wanted.answers) as disc:
            self.answers = disc.read("Autounattend.xml").decode()
            self.settings = json.loads(disc.read("smolvm/settings.json"))
        yield object()

    def drive(self, *_: object) -> dict[str, str]:
        self.installed += 1
        if self.installing is not None:
            raise self.installing
        return {"drivers": "ok"}

    def finished(
        self, image: Path, recipe: Recipe, host: object, directory: Path, *, progress: object, steps: dict[str, str]
    ) -> Path:
        self.proven += 1
        assert steps == {"drivers": "ok"}
        if self.proving is not None:
            raise self.proving
        result = directory / "disk.qcow2"
        disk.overlay(image, result)
        (directory / "content").write_bytes(self.result)
        if self.result:
            subprocess.run(
                ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", directory / "content", result], check=True
            )
        return result


@pytest.fixture(name="stage")
def _stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()
    monkeypatch.setattr("pytest_smolvm.images.windows.setup.computer.running", stage.running)
    monkeypatch.setattr("pytest_smolvm.images.windows.setup.watch.Watcher", lambda *_: None)
    monkeypatch.setattr("pytest_smolvm.images.windows.setup.watch.drive", stage.drive)
    monkeypatch.setattr("pytest_smolvm.images.windows.finish.finished", stage.finished)
    return stage


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Recipe:
    return Recipe(
        iso=windows_iso(tmp_path / "w.iso", (edition_xml(1, size=1_000_000),)),
        virtio_iso=virtio_iso(tmp_path / "v.iso"),
        output=tmp_path / "images" / "win11.qcow2",
    )


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()


def left(recipe: Recipe) -> set[str]:
    return {path.name for path in recipe.output.parent.iterdir()}


def test_a_build(recipe: Recipe, stage: Stage, store: Store) -> None:
    """Image, record and pictures, and nothing else."""
    build(recipe, Silent(), store)

    assert left(recipe) == {"win11.qcow2", "win11.qcow2.json", "win11.qcow2.screens"}
    note = records.read(records.beside(recipe.output))
    assert note is not None
    assert note["virtio"]["version"] == "0.1.271"
    assert note["iso"]["sha256"] == provenance.digest(recipe.iso)
    assert note["account"] == {"user": "smolvm", "password": "smolvm"}


@pytest.mark.parametrize(
    ("build_number", "changes", "bypassed"),
    [
        (26100, {}, False),
        (26100, {"bypass_checks": True}, True),
        (26100, {"secure_boot": False}, True),
        (19045, {"secure_boot": False}, False),
    ],
)
def test_checks_of_windows_11(
    recipe: Recipe, stage: Stage, store: Store, build_number: int, changes: dict[str, Any], bypassed: bool
) -> None:
    """Without Secure Boot its Setup would refuse firmware that was built without it, as Fedora's and Arch's is."""
    windows_iso(recipe.iso, (edition_xml(1, size=1_000_000, build=build_number),))

    build(replace(recipe, **changes), Silent(), store)

    assert ("BypassSecureBootCheck" in stage.answers) == bypassed
    assert ("SkipMachineOOBE" in stage.answers) == (build_number < 22000)


def test_what_the_scripts_are_told(recipe: Recipe, stage: Stage, store: Store) -> None:
    """No secrets."""
    build(replace(recipe, desktop=True, uac="off", password="Correct-Horse-7"), Silent(), store)

    assert stage.settings == {
        "user": "smolvm",
        "ui_language": "en-US",
        "desktop": True,
        "uac": "off",
        "relax_password_policy": False,
    }


def test_a_chosen_password_is_not_written_down(recipe: Recipe, stage: Stage, store: Store) -> None:
    """Only the public default is in the record; no file that stays holds another."""
    build(replace(recipe, password="Correct-Horse-7"), Silent(), store)

    for path in recipe.output.parent.rglob("*"):
        assert path.is_dir() or b"Correct-Horse-7" not in path.read_bytes(), path


def test_failed_installation(recipe: Recipe, stage: Stage, store: Store) -> None:
    """Nothing at the output; what explains it beside it; the next build starts over."""
    stage.installing = BuildError("copying files", "copying stopped", "Compare the checksum.")

    with pytest.raises(BuildError, match="copying stopped") as caught:
        build(recipe, Silent(), store)

    assert left(recipe) == {"win11.qcow2.failed"}
    assert caught.value.evidence == recipe.output.with_name("win11.qcow2.failed")
    stage.installing = None
    build(recipe, Silent(), store)
    assert stage.installed == 2


def test_keep_failed(recipe: Recipe, stage: Stage, store: Store) -> None:
    """The working directory stays for a look, and is no obstacle to the next build."""
    stage.installing = BuildError("copying files", "copying stopped", "Compare the checksum.")
    with pytest.raises(BuildError):
        build(replace(recipe, keep_failed=True), Silent(), store)

    assert (recipe.output.with_name(".win11.qcow2.building") / "installed.qcow2").exists()
    assert not list(recipe.output.parent.rglob("answers.iso"))  # it holds the password
    stage.installing = None
    build(recipe, Silent(), store)
    assert recipe.output.exists()


def test_script_of_the_recipe_fails(recipe: Recipe, stage: Stage, store: Store) -> None:
    """The installation is kept, so mending the script costs minutes and not an hour."""
    stage.proving = BuildError("finishing", "a script failed", "Mend it.")
    with pytest.raises(BuildError):
        build(recipe, Silent(), store)

    stage.proving = None
    build(recipe, Silent(), store)

    assert (stage.installed, stage.proven) == (1, 2)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_interrupted_while_installing(recipe: Recipe, stage: Stage, store: Store, stop: type[BaseException]) -> None:
    """Ctrl-C leaves nothing half-made."""
    stage.installing = stop()

    with pytest.raises(stop):
        build(recipe, Silent(), store)

    assert left(recipe) == set()


def test_host_restarted_while_installing(recipe: Recipe, stage: Stage, store: Store) -> None:
    """What a host that lost its power leaves is no installed system; the build starts over by itself."""
    work = recipe.output.with_name(".win11.qcow2.building")
    work.mkdir()
    (work / "installed.qcow2").write_bytes(b"half a disk")
    (work / "answers.iso").write_bytes(b"old answers")

    build(recipe, Silent(), store)

    assert stage.installed == 1
    assert recipe.output.exists()


def test_host_restarted_after_installing(recipe: Recipe, stage: Stage, store: Store) -> None:
    """An installed system is not installed again, unless another one is wanted."""
    stage.proving = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        build(recipe, Silent(), store)
    stage.proving = None

    build(replace(recipe, timezone="W. Europe Standard Time"), Silent(), store)

    assert stage.installed == 2
    stage.proving = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        build(replace(recipe, force=True, uac="off"), Silent(), store)
    stage.proving = None
    build(replace(recipe, force=True, uac="silent"), Silent(), store)
    assert stage.installed == 4
    stage.proving = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        build(replace(recipe, force=True), Silent(), store)
    stage.proving = None
    build(replace(recipe, force=True), Silent(), store)
    assert stage.installed == 5


def test_existing_output(recipe: Recipe, stage: Stage, store: Store) -> None:
    """Refused before anything starts; replaced when asked to."""
    build(recipe, Silent(), store)

    with pytest.raises(UsageError, match="--force"):
        build(recipe, Silent(), store)
    assert stage.installed == 1

    build(replace(recipe, force=True), Silent(), store)
    assert stage.installed == 2


class Filling(Silent):
    """Progress during which somebody else fills the disk.

    :param before: the phase at whose beginning it is full.
    :param room: MiB that are left.
    """

    def __init__(self, disk: SmallDisk, before: str, room: int) -> None:
        self._disk, self._before, self._room = disk, before, room

    def started(self, phase: str) -> None:
        if phase == self._before:
            self._disk.fill_up(self._room)


@pytest.mark.parametrize(("room", "words"), [(20, "the compressed image does not fit"), (0, "is full")])
def test_no_room_for_the_image(
    recipe: Recipe, stage: Stage, store: Store, small_disk: SmallDisk, room: int, words: str
) -> None:
    """Nothing half-made at the output; with more room the build goes on from the installed system."""
    small_disk.resize(4000)
    stage.result = os.urandom(50_000_000)
    recipe = replace(recipe, output=small_disk.place / "win11.qcow2")

    with pytest.raises(StoreError, match=words):
        build(recipe, Filling(small_disk, "sealing", room), store)

    assert left(recipe) == {".win11.qcow2.building"}
    small_disk.resize(4000)
    build(recipe, Silent(), store)
    assert stage.installed == 1
    assert left(recipe) == {"win11.qcow2", "win11.qcow2.json", "win11.qcow2.screens"}


def test_no_room_for_the_installation(recipe: Recipe, stage: Stage, store: Store, small_disk: SmallDisk) -> None:
    """Nothing is left where there was no room for anything."""
    small_disk.resize(4000)
    recipe = replace(recipe, output=small_disk.place / "win11.qcow2")

    with pytest.raises(SmolVMError, match="No space left"):
        build(recipe, Filling(small_disk, "making the answer disc", 0), store)

    assert left(recipe) == set()
