"""Files with holes: what is in them, and that they come back as they were."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from pytest_smolvm.host import sparse
from pytest_smolvm.host.sparse import PIECE, Content, Runs

SIZE = 40 * PIECE + 100


@pytest.fixture
def holey(tmp_path: Path) -> Path:
    """Something in the first, in two adjacent pieces, in one that was written with zeroes only, and at the end."""
    path = tmp_path / "holey"
    with open(path, "wb") as file:
        file.truncate(SIZE)
        for offset, data in ((5, b"first"), (7 * PIECE - 2, b"both"), (20 * PIECE, bytes(PIECE)), (SIZE - 4, b"last")):
            file.seek(offset)
            file.write(data)
    return path


def payload(path: Path, what: Content) -> bytes:
    with open(path, "rb") as file:
        return Runs(file.fileno(), what.runs).read(SIZE)


def test_only_what_is_not_all_zeroes_counts(holey: Path) -> None:
    found = sparse.content(holey)

    assert ((0, PIECE), (6 * PIECE, 2 * PIECE), (40 * PIECE, 100)) == found.runs
    assert (SIZE, 3 * PIECE + 100) == (found.size, found.amount)
    whole = holey.read_bytes()
    assert b"".join(whole[start : start + size] for start, size in found.runs) == payload(holey, found)
    assert hashlib.sha256(payload(holey, found)).hexdigest() == found.digest


@pytest.mark.parametrize("chunk", [1000, PIECE, 3 * PIECE])
def test_a_file_comes_back_as_it_was(holey: Path, tmp_path: Path, chunk: int) -> None:
    found, copy = sparse.content(holey), tmp_path / "copy"
    with open(holey, "rb") as file:
        runs = Runs(file.fileno(), found.runs)
        source = io.BytesIO(b"".join(iter(lambda: runs.read(chunk), b"")))

    sparse.make(copy, found, source)

    assert holey.read_bytes() == copy.read_bytes()
    assert found == sparse.content(copy)
    assert copy.stat().st_blocks * 512 < 10 * PIECE
    assert 0o600 == copy.stat().st_mode & 0o777


@pytest.mark.parametrize("path_size", [0, 1, PIECE])
def test_one_that_is_empty_or_all_zeroes(tmp_path: Path, path_size: int) -> None:
    (tmp_path / "zeroes").write_bytes(bytes(path_size))
    found = sparse.content(tmp_path / "zeroes")

    assert () == found.runs
    sparse.make(tmp_path / "copy", found, io.BytesIO())
    assert bytes(path_size) == (tmp_path / "copy").read_bytes()


def test_what_is_not_the_same_is_told(holey: Path, tmp_path: Path) -> None:
    found = sparse.content(holey)
    data = payload(holey, found)

    with pytest.raises(ValueError, match="too early"):
        sparse.make(tmp_path / "short", found, io.BytesIO(data[:-1]))
    with pytest.raises(ValueError, match="checksum"):
        sparse.make(tmp_path / "other", found, io.BytesIO(b"F" + data[1:]))
