"""What `pytest-smolvm images` lists and `prune` removes."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from pytest_smolvm.cli import main
from pytest_smolvm.host import records
from pytest_smolvm.host.locks import exclusive
from pytest_smolvm.host.store import Store
from pytest_smolvm.images import inventory
from pytest_smolvm.machine import disk

OLD = 30 * 86400


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


def image(store: Store, name: str, age: float = 0) -> Path:
    path = store.images / f"{name}.qcow2"
    path.write_bytes(bytes(8192))
    os.utime(path, (time.time() - age,) * 2)
    return path


def template(store: Store, name: str, *, whole: bool = True) -> Path:
    directory = store.templates / name
    directory.mkdir()
    for part in ("state", "disk.qcow2"):
        (directory / part).write_bytes(b"x")
    files = {} if whole else {"state": [0, 0]}
    (directory / "record.json").write_text(json.dumps({"files": files, "image": "win11.qcow2", "memory": 4096}))
    return directory


def test_what_is_listed(store: Store) -> None:
    image(store, "new")
    image(store, "old", OLD)
    template(store, "whole")
    template(store, "broken", whole=False)
    store.aside(store.templates / "half").mkdir()
    image(store, store.aside(store.images / "half").name)

    found = {entry.name: entry for entry in inventory.entries(store)}

    assert {"new", "old", "whole", "broken"} == set(found)
    assert found["old"].age > OLD - 60
    assert found["whole"].detail == "of win11.qcow2, 4096 MiB"
    assert "damaged" in found["broken"].detail
    assert [entry.name for entry in inventory.entries(store)][-1] == "old"


def test_an_image_elsewhere_is_listed_with_what_it_was_made_of(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "win11.qcow2"
    elsewhere.write_bytes(b"")
    system = {"edition": "Windows 11 Pro", "build": "26100.1", "language": "en-US"}
    records.write(records.beside(elsewhere), {"system": system, "account": {"user": "tester"}})

    assert 0 == main.main(["--store", str(store.root), "images", str(elsewhere)])
    assert "Windows 11 Pro 26100.1 en-US, account tester" in capsys.readouterr().out
    assert 2 == main.main(["--store", str(store.root), "images", "gone.qcow2"])
    assert "there is no image at" in capsys.readouterr().err


def test_prune_takes_what_is_old_and_unused(store: Store) -> None:
    used, unused, recent = image(store, "used", OLD), image(store, "unused", OLD), image(store, "recent")
    with open(used, "rb"):
        os.utime(used, (time.time() - OLD,) * 2)
        removed = inventory.prune(store, OLD / 2)

    assert ["unused"] == [entry.name for entry in removed]
    assert (True, False, True) == (used.exists(), unused.exists(), recent.exists())


def test_prune_all_takes_everything_nobody_uses(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    image(store, "one")
    template(store, "whole")
    template(store, "broken", whole=False)
    (store.kept / "guest").mkdir()

    assert 0 == main.main(["--store", str(store.root), "prune", "--all"])
    assert "3 removed" in capsys.readouterr().out
    assert [] == [*store.images.iterdir(), *store.templates.iterdir(), *store.kept.iterdir()]


def test_an_old_template_goes_although_listing_it_has_read_it(store: Store) -> None:
    whole, broken = template(store, "whole"), template(store, "broken", whole=False)
    for path in (whole / "state", whole / "record.json", whole, broken / "record.json", broken):
        os.utime(path, (time.time() - OLD,) * 2)

    inventory.entries(store)
    removed = inventory.prune(store, OLD / 2)

    assert {"whole", "broken"} == {entry.name for entry in removed}
    assert [] == list(store.templates.iterdir())


def test_what_a_build_works_with_stays(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    (store.work / "scratch").mkdir()
    (store.work / "tools-1").mkdir()

    with exclusive(store.work / "lock"):
        assert 0 == main.main(["--store", str(store.root), "prune", "--all"])
        assert {"lock", "lock.holder", "scratch", "tools-1"} == {path.name for path in store.work.iterdir()}
        assert f"process {os.getpid()} is building an image: what is in {store.work} stays" in capsys.readouterr().err

    assert 0 == main.main(["--store", str(store.root), "prune", "--all"])
    assert {"lock"} == {path.name for path in store.work.iterdir()}
    assert "" == capsys.readouterr().err


def test_a_build_that_was_killed_leaves_nothing_to_prune_for_long(store: Store) -> None:
    (store.work / "scratch" / "tree").mkdir(parents=True)
    (store.work / "tools-1").mkdir()

    inventory.prune(store, OLD)

    assert {"lock", "tools-1"} == {path.name for path in store.work.iterdir()}


def test_what_a_kept_disk_is_based_on_stays_as_long_as_it(store: Store) -> None:
    golden = store.images / "golden.qcow2"
    kept = store.kept / "test" / "disk.qcow2"
    kept.parent.mkdir()
    disk.blank(golden, kept, 2**20)
    disk.overlay(image(store, "other"), store.root / "x.qcow2", backing_format="raw")
    (store.root / "x.qcow2").rename(golden)
    os.utime(golden, (time.time() - OLD,) * 2)

    inventory.prune(store, OLD / 2)
    assert golden.exists()

    inventory.prune(store, 0.0)
    assert not golden.exists()


def test_a_store_reached_through_a_link_knows_its_users(tmp_path: Path, store: Store) -> None:
    (tmp_path / "link").symlink_to(store.root)
    linked = Store.at(tmp_path / "link")
    directory = template(linked, "whole")

    with open(image(linked, "used"), "rb"), open(directory / "state", "rb"):
        removed = inventory.prune(linked, 0)

    assert [] == removed
    assert linked.root == store.root


def test_an_images_directory_elsewhere_knows_its_users(tmp_path: Path, store: Store) -> None:
    store.images.rmdir()
    (tmp_path / "elsewhere").mkdir()
    store.images.symlink_to(tmp_path / "elsewhere")

    with open(image(store, "used"), "rb"):
        assert [(os.getpid(),)] == [entry.users for entry in inventory.entries(store)]


def test_what_somebody_else_removes_meanwhile_is_no_error(store: Store) -> None:
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            image(store, "coming").unlink()
            (store.kept / "coming").mkdir()
            (store.kept / "coming").rmdir()
            shutil.rmtree(template(store, "coming"), ignore_errors=True)

    # Links that lead nowhere are files that vanish between being listed and being looked at, every time.
    (store.images / "gone.qcow2").symlink_to("nowhere")
    (store.kept / "gone").symlink_to("nowhere")
    (store.templates / "stray").touch()
    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(5):
            inventory.entries(store)
            inventory.prune(store, OLD)
    finally:
        done.set()
        thread.join()
