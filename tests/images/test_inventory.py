"""What `pytest-smolvm images` lists and `prune` removes."""

from __future__ import annotations

import hashlib
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


def layer(store: Store, name: str, parent: Path, function: str) -> Path:
    directory = template(store, name)
    whose = {
        "parent": str(parent),
        "parent_identity": hashlib.sha256((parent / "record.json").read_bytes()).hexdigest(),
    }
    about = {"files": {}, "image": "win11.qcow2", "memory": 4096, "layer": function, **whose}
    (directory / "record.json").write_text(json.dumps(about))
    return directory


@pytest.fixture(name="three")
def _three(store: Store) -> list[Path]:
    """A template, a layer on it, and another on that."""
    base = template(store, "base")
    app = layer(store, "1a", base, "app")
    return [base, app, layer(store, "2b", app, "configured")]


def age(*directories: Path) -> None:
    for directory in directories:
        for path in (*directory.iterdir(), directory):
            os.utime(path, (time.time() - OLD,) * 2)


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


@pytest.mark.parametrize(
    "record",
    [
        {"system": [], "account": "me"},
        {"system": {"edition": 3, "build": None}, "account": {}, "guest": 4},
        {"files": {}, "image": 4, "memory": None, "layer": []},
        {"files": {}},
    ],
)
def test_records_that_are_not_ours_or_not_of_this_version_keep_nobody_from_the_list(
    store: Store, record: dict[str, object]
) -> None:
    records.write(records.beside(image(store, "win11")), record)
    records.write(template(store, "key") / "record.json", record)

    assert {"win11", "key"} == {entry.name for entry in inventory.entries(store)}
    assert {"win11", "key"} == {entry.name for entry in inventory.prune(store, 0)}


@pytest.mark.usefixtures("three")
def test_layers_are_listed_below_what_they_build_on(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main.main(["--store", str(store.root), "images"])

    lines = capsys.readouterr().out.splitlines()
    assert ["template base", "  layer 1a", "    layer 2b"] == [
        line[: len(line) - len(line.lstrip())] + " ".join(line.split()[:2]) for line in lines
    ]
    assert "MiB" in lines[2]
    assert lines[2].endswith("configured of win11.qcow2, 4096 MiB")


def test_a_template_stays_as_long_as_a_layer_on_it(store: Store, three: list[Path]) -> None:
    base, app, _ = three
    age(base, app)

    assert [] == inventory.prune(store, OLD / 2)

    age(*three)
    with open(app / "state", "rb"):
        age(app)
        assert ["2b"] == [entry.name for entry in inventory.prune(store, OLD / 2)]
    assert {"base", "1a"} == {entry.name for entry in inventory.prune(store, OLD / 2)}


def test_room_is_made_by_what_nobody_used_for_longest(store: Store, three: list[Path]) -> None:
    other, image_file = template(store, "other"), image(store, "old", OLD)
    age(*three)
    (size,) = {entry.size for entry in inventory.entries(store) if entry.name == "other"}
    total = sum(entry.size for entry in inventory.entries(store) if entry.kind != "image")

    assert [] == inventory.shrink(store, total, 0)
    assert ["2b"] == [entry.name for entry in inventory.shrink(store, total - 1, 60)]
    with open(three[0] / "state", "rb"):
        age(three[0])
        assert ["1a"] == [entry.name for entry in inventory.shrink(store, 0, 60)]
    assert ["base"] == [entry.name for entry in inventory.shrink(store, size, 60)]
    assert ["other"] == [path.name for path in store.templates.iterdir()]
    assert ["other"] == [entry.name for entry in inventory.shrink(store, 0, 0)]
    assert image_file.exists()
    assert not other.exists()


def test_a_layer_whose_parent_is_gone_is_damaged(store: Store, three: list[Path]) -> None:
    shutil.rmtree(three[0])

    assert 2 == sum("damaged" in entry.detail for entry in inventory.entries(store))
    assert {0, 1} == {depth for depth, _ in inventory.tree(inventory.entries(store))}


def test_what_others_differ_from_is_removed_only_with_them(
    store: Store, three: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def prune(*names: str) -> tuple[int, str]:
        status = main.main(["--store", str(store.root), "prune", *names])
        said = capsys.readouterr()
        return status, said.out + said.err

    status, said = prune("base", "app")
    assert 2 == status
    assert "layer app (1a) is what others differ from: layer configured (2b); name them, too" in said
    assert "nothing in the store is called nothing" in prune("nothing")[1]
    with open(three[2] / "state", "rb"):
        assert f"layer configured (2b) is used by {os.getpid()}" in prune("configured")[1]
    assert all(path.exists() for path in three)

    assert "removed layer configured (2b)" in prune("configured")[1]
    assert 0 == prune("base", "1a")[0]
    assert [] == list(store.templates.iterdir())


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
