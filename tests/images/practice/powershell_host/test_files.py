"""Files in and out of the practice guest, its programs running on this host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import pytest

from pytest_smolvm.errors import TransferError, UsageError
from pytest_smolvm.guest.files import file, filesystem, tree
from pytest_smolvm.guest.link.ssh import Ssh

DIRECTORY = PureWindowsPath(r"C:\transfers")


@pytest.fixture
def there(connection: Ssh) -> Iterator[PureWindowsPath]:
    """An empty directory of the guest."""
    filesystem.make_directories(connection.sftp, DIRECTORY)
    yield DIRECTORY
    tree.remove(connection, str(DIRECTORY))


@pytest.mark.parametrize(
    ("dated", "kept"), [(-1, 0), (-(10**10), 0), (0, 0), (2**32 - 1, 2**32 - 1), (2**32, 2**32 - 1), (2**33, 2**32 - 1)]
)
def test_a_file_of_a_time_that_sftp_lacks_gets_the_nearest(
    connection: Ssh, there: PureWindowsPath, tmp_path: Path, dated: int, kept: int
) -> None:
    (tmp_path / "old.txt").write_text("x")
    os.utime(tmp_path / "old.txt", (dated, dated))

    file.upload(connection.sftp, tmp_path / "old.txt", there / "old.txt")

    assert kept == filesystem.look(connection.sftp, there / "old.txt").modified


@pytest.mark.parametrize("dated", [-1, 2**33])
def test_a_tree_of_such_times_goes_both_ways(
    connection: Ssh, there: PureWindowsPath, tmp_path: Path, dated: int
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "old.txt").write_text("x")
    os.utime(tmp_path / "here" / "old.txt", (dated, dated))

    tree.upload(connection, tmp_path / "here", there / "tree")
    tree.download(connection, there / "tree", tmp_path / "back")

    assert dated == (tmp_path / "back" / "old.txt").stat().st_mtime


@pytest.mark.parametrize("name", ["日" * 82 + ".txt", "日" * 85, "x" * 255], ids=["250", "255", "ascii"])
def test_a_file_of_a_name_as_long_as_names_can_be_goes_both_ways(
    connection: Ssh, there: PureWindowsPath, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("x")
    file.upload(connection.sftp, tmp_path / name, there / name)
    (tmp_path / "back").mkdir()

    file.download(connection.sftp, there / name, tmp_path / "back" / name)
    tree.download(connection, there, tmp_path / "tree")

    assert ["x"] * 2 == [(tmp_path / place / name).read_text() for place in ("back", "tree")]
    assert [name] == os.listdir(tmp_path / "back")


def test_a_name_that_this_host_cannot_have_is_one_of_our_errors(
    connection: Ssh, there: PureWindowsPath, tmp_path: Path
) -> None:
    name = "日" * 86  # 258 bytes, where Linux has 255
    file.write(connection.sftp, there / "short.txt", b"x")

    with pytest.raises(TransferError, match="File name too long"):
        file.download(connection.sftp, there / "short.txt", tmp_path / name)
    with pytest.raises(TransferError, match="File name too long"):
        tree.download(connection, there, tmp_path / name)
    with pytest.raises(UsageError, match="there is no file"):
        file.upload(connection.sftp, tmp_path / name, there / "x")
    with pytest.raises(UsageError, match="there is no directory"):
        tree.upload(connection, tmp_path / name, there / "x")
    assert [] == os.listdir(tmp_path)
