"""What `pytest-smolvm images` lists and `prune` removes."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from pytest_smolvm import cli, inventory, notes
from pytest_smolvm.store import Store

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
    (directory / "state").write_bytes(b"x")
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


def test_an_image_elsewhere_is_listed_with_what_it_was_made_of(tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = tmp_path / "win11.qcow2"
    elsewhere.write_bytes(b"")
    system = {"edition": "Windows 11 Pro", "build": "26100.1", "language": "en-US"}
    notes.write(notes.beside(elsewhere), {"system": system, "account": {"user": "tester"}})

    assert 0 == cli.main(["--store", str(store.root), "images", str(elsewhere)])
    assert "Windows 11 Pro 26100.1 en-US, account tester" in capsys.readouterr().out
    assert 2 == cli.main(["--store", str(store.root), "images", "gone.qcow2"])
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

    assert 0 == cli.main(["--store", str(store.root), "prune", "--all"])
    assert "3 removed" in capsys.readouterr().out
    assert [] == [*store.images.iterdir(), *store.templates.iterdir(), *store.kept.iterdir()]


@pytest.mark.parametrize("text", ["", "7", "d", "7y", "-1d"])
def test_times_that_make_no_sense(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["prune", f"--older-than={text}"])
    assert "is not a time like 30m, 12h, 7d" in capsys.readouterr().err
