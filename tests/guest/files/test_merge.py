"""A tree takes its place whole or not at all. The place here is a directory of the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm.errors import GuestUnreachable, TransferError
from pytest_smolvm.guest.files import merge
from pytest_smolvm.guest.files.sides import Here


def _write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def _read(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def attic(tmp_path: Path) -> Path:
    (tmp_path / "attic").mkdir()
    return tmp_path / "attic"


def test_where_nothing_is_the_tree_moves_as_one(tmp_path: Path, attic: Path) -> None:
    staged = _write(tmp_path / "staged", a="1", sub__b="2")

    merge.put_in_place(Here(), str(staged), str(tmp_path / "target"), str(attic), [])

    assert {"a": "1", "sub/b": "2"} == _read(tmp_path / "target")
    assert not staged.exists()


def test_what_the_tree_does_not_bring_stays(tmp_path: Path, attic: Path) -> None:
    staged = _write(tmp_path / "staged", a="new", sub__b="new", more__c="new")
    target = _write(tmp_path / "target", a="old", sub__b="old", sub__kept="old", kept="old")

    merge.put_in_place(Here(), str(staged), str(target), str(attic), [])

    assert {"a": "new", "sub/b": "new", "more/c": "new", "sub/kept": "old", "kept": "old"} == _read(target)


def test_a_file_in_the_way_of_a_directory_changes_nothing(tmp_path: Path, attic: Path) -> None:
    staged = _write(tmp_path / "staged", a="new", sub__b="new")
    target = _write(tmp_path / "target", a="old", sub="a file")

    with pytest.raises(TransferError, match="is a file"):
        merge.put_in_place(Here(), str(staged), str(target), str(attic), [])

    assert {"a": "old", "sub": "a file"} == _read(target)


def test_a_move_that_fails_undoes_those_before_it(tmp_path: Path, attic: Path) -> None:
    staged = _write(tmp_path / "staged", a="new", sub__b="new", z="new")
    target = _write(tmp_path / "target", a="old", sub__b="old", z="old")

    class Fails(Here):
        def move(self, source: str, target: str) -> None:
            if source.endswith("staged/z"):
                raise TransferError("in use")
            super().move(source, target)

    with pytest.raises(TransferError, match="in use"):
        merge.put_in_place(Fails(), str(staged), str(target), str(attic), [])

    assert {"a": "old", "sub/b": "old", "z": "old"} == _read(target)


def test_what_could_not_be_undone_at_once_can_be_later(tmp_path: Path, attic: Path) -> None:
    staged = _write(tmp_path / "staged", a="new", z="new")
    target = _write(tmp_path / "target", a="old", z="old")

    class Cut(Here):
        def move(self, source: str, target: str) -> None:
            super().move(source, target)
            if source.endswith("staged/a"):
                raise GuestUnreachable("after it was done")

        def has(self, path: str) -> bool:
            raise GuestUnreachable("still")

    steps: list[merge.Step] = []
    with pytest.raises(GuestUnreachable):
        merge.put_in_place(Cut(), str(staged), str(target), str(attic), steps)
    merge.undo(Here(), steps)

    assert {"a": "old", "z": "old"} == _read(target)
    assert {"a": "new", "z": "new"} == _read(staged)
    assert [] == steps
