"""Single files of a booted guest: whole, exact, all or nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import GuestUnreachable, TransferError, UsageError
from tests.booted.conftest import linux

HOME = r"C:\Users\smolvm"
MEBI = 1 << 20


@pytest.fixture
def place(windows_vm_module: SmolVM, request: pytest.FixtureRequest) -> str:
    """An empty directory of the test's own."""
    path = rf"{HOME}\{request.node.originalname}"
    windows_vm_module.mkdir(path)
    return path


def test_a_file_goes_there_and_back_with_time_and_read_only_mark(
    windows_vm_module: SmolVM, place: str, tmp_path: Path
) -> None:
    source, back = tmp_path / "there.bin", tmp_path / "new" / "back.bin"
    source.write_bytes(os.urandom(3 * MEBI + 7))
    os.utime(source, (1_234_567_890, 1_234_567_890))
    source.chmod(0o444)
    seen: list[tuple[int, int]] = []

    windows_vm_module.upload_file(
        source, rf"{place}\Grüße 日本\100% 🎈.bin", verify=True, progress=lambda done, total: seen.append((done, total))
    )
    windows_vm_module.download_file(rf"{place}\Grüße 日本\100% 🎈.bin", back, verify=True)

    found = windows_vm_module.stat(rf"{place}\Grüße 日本\100% 🎈.bin")
    assert (3 * MEBI + 7, 1_234_567_890, False, True) == (
        found.size,
        found.modified,
        found.is_directory,
        found.read_only,
    )
    assert source.read_bytes() == back.read_bytes()
    assert (1_234_567_890, 0) == (back.stat().st_mtime, back.stat().st_mode & stat.S_IWUSR)
    assert (3 * MEBI + 7, 3 * MEBI + 7) == seen[-1]


def test_a_read_only_file_is_replaced_and_removed(windows_vm_module: SmolVM, place: str, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "old").chmod(0o444)
    windows_vm_module.upload_file(tmp_path / "old", rf"{place}\file.txt")

    windows_vm_module.write_text(rf"{place}\file.txt", "new")
    assert "new" == windows_vm_module.read_text(rf"{place}\file.txt")
    windows_vm_module.upload_file(tmp_path / "old", rf"{place}\file.txt")
    windows_vm_module.remove(rf"{place}\file.txt")

    assert [] == windows_vm_module.listdir(place)


def test_names_in_a_directory(windows_vm_module: SmolVM, place: str) -> None:
    windows_vm_module.write_bytes(rf"{place}\b", b"\x00\xff")
    windows_vm_module.mkdir(rf"{place}\A\deeper")

    assert ["A", "b"] == windows_vm_module.listdir(place)
    assert windows_vm_module.exists(rf"{place}\a")
    assert not windows_vm_module.exists(rf"{place}\c")
    assert b"\x00\xff" == windows_vm_module.read_bytes(rf"{place}\B")


def test_a_directory_goes_only_when_it_is_empty_or_recursion_is_asked_for(
    windows_vm_module: SmolVM, place: str
) -> None:
    windows_vm_module.write_text(rf"{place}\a\b\c.txt", "x")

    with pytest.raises(TransferError):
        windows_vm_module.remove(rf"{place}\a")
    windows_vm_module.remove(rf"{place}\a\b\c.txt")
    windows_vm_module.remove(rf"{place}\a\b")
    windows_vm_module.write_text(rf"{place}\a\d 100%\e.txt", "x")
    windows_vm_module.remove(rf"{place}\a", recursive=True)

    assert [] == windows_vm_module.listdir(place)


def test_a_path_of_more_than_260_characters(windows_vm_module: SmolVM, place: str) -> None:
    path = "\\".join([place, *(f"{n:02}-{'x' * 40}" for n in range(8)), "end.txt"])

    windows_vm_module.write_text(path, "deep")

    assert len(path) > 360
    assert "deep" == windows_vm_module.read_text(path)
    windows_vm_module.remove(place, recursive=True)
    assert not windows_vm_module.exists(place)


def junction(vm: SmolVM, place: str) -> str:
    """Make a junction `link` to a new directory `real` in `place`. Returns why there is none, or ""."""
    vm.mkdir(rf"{place}\real")
    made = vm.run(rf'mklink /J "{place}\link" "{place}\real"', shell="cmd")
    return "" if made.exit_code == 0 else f"this guest makes no junctions: {made.stderr.strip()}"


def test_a_path_through_a_link(windows_vm_module: SmolVM, place: str, tmp_path: Path) -> None:
    if junction(windows_vm_module, place):  # wine makes none, but follows those of Linux
        windows_vm_module.run(f"Set-Location '{place}'" + linux(r"usr\bin\ln", "-s real link"), check=True)
        windows_vm_module.wait_for_file(rf"{place}\link")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "b.txt").write_text("tree")

    windows_vm_module.write_text(rf"{place}\link\a.txt", "through")
    windows_vm_module.upload_dir(tmp_path / "tree", rf"{place}\link")

    assert ["a.txt", "b.txt"] == windows_vm_module.listdir(rf"{place}\real")
    assert "through" == windows_vm_module.read_text(rf"{place}\link\a.txt")


def test_a_junction_is_removed_without_what_it_leads_to(windows_vm_module: SmolVM, place: str) -> None:
    if why := junction(windows_vm_module, place):
        pytest.skip(why)
    windows_vm_module.write_text(rf"{place}\real\a.txt", "there")

    windows_vm_module.remove(rf"{place}\link", recursive=True)

    assert ["real"] == windows_vm_module.listdir(place)
    assert ["a.txt"] == windows_vm_module.listdir(rf"{place}\real")


def test_what_fails_leaves_nothing(windows_vm_module: SmolVM, place: str, tmp_path: Path) -> None:
    windows_vm_module.mkdir(rf"{place}\dir")

    with pytest.raises(TransferError, match="could not write"):
        windows_vm_module.write_text(rf"{place}\dir", "a file over a directory")
    with pytest.raises(TransferError, match="no such file"):
        windows_vm_module.download_file(rf"{place}\none", tmp_path / "a" / "b")
    with pytest.raises(TransferError, match="no drive"):
        windows_vm_module.write_text(r"Q:\a\b", "x")

    assert ["dir"] == windows_vm_module.listdir(place)
    assert [] == list(tmp_path.iterdir())


def test_a_connection_cut_in_the_middle_of_an_upload(windows_vm_module: SmolVM, place: str, tmp_path: Path) -> None:
    source = tmp_path / "big.bin"
    with open(source, "wb") as big:
        big.truncate(16 * MEBI)

    def cut(sent: int, _: int) -> None:
        if sent >= 8 * MEBI:
            with windows_vm_module._using() as ssh:
                ssh.close()

    with pytest.raises(GuestUnreachable, match=r"could not write .*new\\big.bin"):
        windows_vm_module.upload_file(source, rf"{place}\new\big.bin", progress=cut)

    assert [] == windows_vm_module.listdir(place)


@pytest.mark.parametrize("call", ["upload_file", "upload_dir"])
def test_nothing_to_upload(windows_vm_module: SmolVM, tmp_path: Path, call: str) -> None:
    with pytest.raises(UsageError, match="there is no"):
        getattr(windows_vm_module, call)(tmp_path / "gone", r"C:\gone")
