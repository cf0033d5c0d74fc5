"""Trees of the host: what Windows cannot have is found before anything is sent; what goes as tar comes back as it was."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from pytest_smolvm.errors import TransferError, UsageError
from pytest_smolvm.guest.files import scan
from pytest_smolvm.guest.files.tar import Packing, Unpacking

TARGET = r"C:\target"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "empty").mkdir(parents=True)
    (root / "Grüße" / "日本").mkdir(parents=True)
    (root / "Grüße" / "日本" / "ü 100%.txt").write_bytes(b"umlaut")
    (root / "blank").write_bytes(b"")
    (root / "big.bin").write_bytes(os.urandom(300_001))
    os.utime(root / "big.bin", (1_000_000_000, 1_000_000_000))
    (root / "fixed").write_bytes(b"fixed")
    (root / "fixed").chmod(0o444)
    return root


def test_directories_come_before_what_is_in_them(tree: Path) -> None:
    names = [entry.name for entry in scan.scan(tree, TARGET)]

    assert ["Grüße", "Grüße/日本", "Grüße/日本/ü 100%.txt", "big.bin", "blank", "empty", "fixed"] == names


@pytest.mark.parametrize("name", ["aux.txt", "a:b", "what?", "dot.", "space ", "back\\slash", "pipe|"])
def test_a_name_that_windows_cannot_have_is_told_with_its_path(tree: Path, name: str) -> None:
    (tree / "empty" / name).write_bytes(b"")

    with pytest.raises(UsageError, match="empty"):
        scan.scan(tree, TARGET)


def test_a_name_that_is_no_text_is_refused(tree: Path) -> None:
    (tree / os.fsdecode(b"latin-\xfc")).write_bytes(b"")

    with pytest.raises(UsageError, match="is not text"):
        scan.scan(tree, TARGET)


def test_two_names_that_differ_by_case_are_refused(tree: Path) -> None:
    (tree / "BIG.bin").write_bytes(b"")

    with pytest.raises(UsageError, match=r"'BIG.bin' and 'big.bin'.*the same name on Windows"):
        scan.scan(tree, TARGET)


def test_a_link_is_what_it_points_to(tree: Path) -> None:
    (tree / "link").symlink_to("big.bin")
    (tree / "dir").symlink_to("Grüße")

    found = {entry.name: entry for entry in scan.scan(tree, TARGET)}

    assert found["link"].size == 300_001
    assert found["dir"].is_directory
    assert "dir/日本/ü 100%.txt" in found


@pytest.mark.parametrize(
    ("target", "reason"), [("nowhere", "leads nowhere"), (".", "leads back"), ("../..", "leads back")]
)
def test_a_link_that_leads_nowhere_or_back_is_refused(tree: Path, target: str, reason: str) -> None:
    (tree / "empty" / "link").symlink_to(target if target != "../.." else "..")

    with pytest.raises(UsageError, match=reason):
        scan.scan(tree, TARGET)


def test_what_is_neither_file_nor_directory_is_refused(tree: Path) -> None:
    os.mkfifo(tree / "pipe")

    with pytest.raises(UsageError, match="neither a file nor a directory"):
        scan.scan(tree, TARGET)


def test_a_packed_tree_unpacks_to_the_same(tree: Path, tmp_path: Path) -> None:
    packing = Packing(scan.scan(tree, TARGET), "a/b")
    stream = b"".join(packing)
    unpacking = Unpacking(tmp_path / "out")
    unpacking.take(io.BytesIO(stream))

    out = tmp_path / "out" / "a" / "b"
    assert sorted(str(p.relative_to(tree)) for p in tree.rglob("*")) == sorted(
        str(p.relative_to(out)) for p in out.rglob("*")
    )
    assert (tree / "big.bin").read_bytes() == (out / "big.bin").read_bytes()
    assert 1_000_000_000 == (out / "big.bin").stat().st_mtime
    assert 0 == (out / "fixed").stat().st_mode & 0o222
    assert {f"a/b/{name}": digest for name, digest in packing.digests.items()} == unpacking.digests


def test_a_file_that_shrinks_while_it_is_packed_fails_the_packing(tree: Path) -> None:
    packing = Packing(scan.scan(tree, TARGET), "a")
    (tree / "big.bin").write_bytes(b"less")

    stream = b"".join(packing)

    assert packing.failure is not None
    assert "became shorter" in str(packing.failure)
    assert not stream.endswith(bytes(1024))


@pytest.mark.parametrize("name", ["../out", "/abs", "a/../../out"])
def test_a_guest_cannot_write_outside_of_the_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(TransferError, match="leads out"):
        Unpacking(tmp_path / "in").take(_tar(tarfile.TarInfo(name)))

    assert not (tmp_path / "out").exists()


def test_links_of_a_guest_are_not_made_here(tmp_path: Path) -> None:
    link = tarfile.TarInfo("./link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    unpacking = Unpacking(tmp_path)

    unpacking.take(_tar(link, tarfile.TarInfo("./plain")))

    assert ["link"] == unpacking.links
    assert ["plain"] == os.listdir(tmp_path)


def test_a_stream_that_ends_early_is_an_error(tmp_path: Path, tree: Path) -> None:
    stream = b"".join(Packing(scan.scan(tree, TARGET), "a"))

    with pytest.raises(TransferError, match="cannot be read"):
        Unpacking(tmp_path / "out").take(io.BytesIO(stream[: len(stream) // 2]))


def _tar(*members: tarfile.TarInfo) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member in members:
            archive.addfile(member)
    stream.seek(0)
    return stream
