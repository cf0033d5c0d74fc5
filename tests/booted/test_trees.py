"""Whole directories in and out of a booted guest."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import GuestUnreachable, TransferError, UsageError
from tests.booted.conftest import fill_guest

HOME = r"C:\Users\smolvm"


@pytest.fixture
def place(windows_vm_module: SmolVM, request: pytest.FixtureRequest) -> str:
    """An empty directory of the test's own."""
    path = rf"{HOME}\{request.node.originalname}"
    windows_vm_module.mkdir(path)
    return path


def _tree(root: Path) -> Path:
    (root / "empty").mkdir(parents=True)
    deep = root.joinpath("Grüße 日本", *(f"{n}-{'x' * 50}" for n in range(6)))
    deep.mkdir(parents=True)
    (deep / "100% ü.txt").write_text("deep")
    (root / "fixed.txt").write_text("read-only")
    (root / "fixed.txt").chmod(0o444)
    (root / "old.bin").write_bytes(os.urandom(100_000))
    os.utime(root / "old.bin", (1_000_000_000, 1_000_000_000))
    return root


def _seen(root: Path) -> dict[str, tuple[bytes | None, int, bool]]:
    """Content, time and read-only mark of all that is in a directory."""
    found = {}
    for path in root.rglob("*"):
        status = path.stat()
        content = None if path.is_dir() else path.read_bytes()
        found[str(path.relative_to(root))] = (
            content,
            0 if path.is_dir() else int(status.st_mtime),
            not status.st_mode & stat.S_IWUSR,
        )
    return found


def test_a_tree_goes_there_and_back(windows_vm_module: SmolVM, place: str, tmp_path: Path) -> None:
    tree = _tree(tmp_path / "tree")
    seen: list[tuple[int, int]] = []

    windows_vm_module.upload_dir(
        tree, rf"{place}\new ü\tree", verify=True, progress=lambda done, total: seen.append((done, total))
    )
    windows_vm_module.download_dir(rf"{place}\new ü\tree", tmp_path / "back" / "tree", verify=True)

    assert _seen(tree) == _seen(tmp_path / "back" / "tree")
    assert ["tree"] == windows_vm_module.listdir(rf"{place}\new ü")
    assert ["tree"] == os.listdir(tmp_path / "back")
    total = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    assert (total, total) == seen[-1]


def test_a_tree_is_merged_into_one_that_is_there(windows_vm_module: SmolVM, place: str, tmp_path: Path) -> None:
    tree = _tree(tmp_path / "tree")
    windows_vm_module.write_text(rf"{place}\OLD.bin", "replaced")
    windows_vm_module.write_text(rf"{place}\kept.txt", "kept")

    windows_vm_module.upload_dir(tree, place)
    windows_vm_module.upload_dir(tree, place)

    assert ["Grüße 日本", "OLD.bin", "empty", "fixed.txt", "kept.txt"] == windows_vm_module.listdir(place)
    assert (tree / "old.bin").read_bytes() == windows_vm_module.read_bytes(rf"{place}\old.bin")
    assert "kept" == windows_vm_module.read_text(rf"{place}\kept.txt")


def test_a_directory_whose_name_cmd_cannot_quote_comes_back_too(
    windows_vm_module: SmolVM, place: str, tmp_path: Path
) -> None:
    windows_vm_module.write_text(rf"{place}\%PATH% & x\a\b.txt", "percent")

    windows_vm_module.download_dir(rf"{place}\%PATH% & x", tmp_path / "back", verify=True)

    assert "percent" == (tmp_path / "back" / "a" / "b.txt").read_text()


def test_a_tree_that_windows_cannot_have_is_refused_before_anything_is_sent(
    windows_vm_module: SmolVM, place: str, tmp_path: Path
) -> None:
    tree = _tree(tmp_path / "tree")
    (tree / "empty" / "aux.txt").write_text("")

    with pytest.raises(UsageError, match="reserved device name"):
        windows_vm_module.upload_dir(tree, rf"{place}\tree")

    assert [] == windows_vm_module.listdir(place)


def test_a_file_in_the_way_of_a_directory_changes_nothing(
    windows_vm_module: SmolVM, place: str, tmp_path: Path
) -> None:
    tree = _tree(tmp_path / "tree")
    windows_vm_module.write_text(rf"{place}\tree\empty", "a file")

    with pytest.raises(TransferError, match="is a file"):
        windows_vm_module.upload_dir(tree, rf"{place}\tree")

    assert ["empty"] == windows_vm_module.listdir(rf"{place}\tree")
    assert ["tree"] == windows_vm_module.listdir(place)


def test_a_connection_cut_in_the_middle_of_a_tree(windows_vm_module: SmolVM, place: str, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    for number in range(4):
        with open(tmp_path / "tree" / f"{number}.bin", "wb") as big:
            big.truncate(8 << 20)

    def cut(sent: int, _: int) -> None:
        if sent >= 16 << 20:
            with windows_vm_module._using() as ssh:
                ssh.close()

    with pytest.raises(GuestUnreachable):
        windows_vm_module.upload_dir(tmp_path / "tree", rf"{place}\new\tree", progress=cut)

    assert [] == windows_vm_module.listdir(place)


def test_a_full_disk_leaves_all_as_it_was(windows_vm: SmolVM, tmp_path: Path) -> None:
    windows_vm.write_bytes(rf"{HOME}\room.bin", bytes(16 << 20))
    fill_guest(windows_vm, "1G", "64M", "16M")
    windows_vm.remove(rf"{HOME}\room.bin")  # there is room for something, and not for 64 MiB
    windows_vm.write_text(rf"{HOME}\big.bin", "before")
    (tmp_path / "tree").mkdir()
    with open(tmp_path / "tree" / "big.bin", "wb") as big:
        big.truncate(64 << 20)

    with pytest.raises(TransferError):
        windows_vm.upload_dir(tmp_path / "tree", rf"{HOME}\tree")
    with pytest.raises(TransferError):
        windows_vm.upload_file(tmp_path / "tree" / "big.bin", rf"{HOME}\big.bin")

    assert not windows_vm.exists(rf"{HOME}\tree")
    assert "before" == windows_vm.read_text(rf"{HOME}\big.bin")
    assert not [name for name in windows_vm.listdir(HOME) if name.endswith(".smolvm")]
