"""Held guests, as somebody else sees them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from pytest_smolvm.host import records
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool.holding import HeldGuest, held, release

GUEST = HeldGuest("test_it", "win.qcow2", "smolvm", 40022, "")


def test_one_is_seen_as_long_as_it_lives(tmp_path: Path) -> None:
    store = Store.at(tmp_path / "store")
    with store.run_directory() as directory, store.run_directory():
        before = list(held(store))
        records.write(RunDirectory(directory).held, asdict(GUEST))
        meanwhile = list(held(store))

    assert [[], [GUEST], []] == [before, meanwhile, list(held(store))]
    assert "ssh -p 40022 smolvm@127.0.0.1" == GUEST.ssh


def test_one_that_is_released_is_seen_no_more(tmp_path: Path) -> None:
    store = Store.at(tmp_path / "store")
    with store.run_directory() as directory:
        files = RunDirectory(directory)
        records.write(files.held, asdict(GUEST))
        release(files)
        release(files)

        assert [] == list(held(store))


def test_what_another_version_has_noted_is_passed_over(tmp_path: Path) -> None:
    store = Store.at(tmp_path / "store")
    with store.run_directory() as later, store.run_directory() as earlier, store.run_directory() as ours:
        records.write(RunDirectory(later).held, {**asdict(GUEST), "colour": "red"})
        records.write(RunDirectory(earlier).held, {"name": "test_it"})
        records.write(RunDirectory(ours).held, asdict(GUEST))

        assert [GUEST] == list(held(store))


def test_the_password_of_its_screen_is_in_no_traceback() -> None:
    assert "4711" not in repr(replace(GUEST, screen="127.0.0.1:5901, password 4711"))


def test_what_a_killed_run_left_is_none(tmp_path: Path) -> None:
    store = Store.at(tmp_path / "store")
    dead = store.runs / "smolvm-00000000-1-0123456789abcdef.01234567"
    dead.mkdir()
    records.write(RunDirectory(dead).held, asdict(GUEST))

    assert [] == list(held(store))
