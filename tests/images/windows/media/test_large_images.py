"""An install.wim of more than 4 GiB on discs that people have made from Microsoft's. No disc here is that large."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest

from pytest_smolvm.images.windows.media import windows_disc
from pytest_smolvm.images.windows.media.disc import opened
from pytest_smolvm.images.windows.media.extents import Extents
from tests.images.windows.discs import edition_xml, piecewise_iso, remastered_iso, wim


@pytest.mark.skipif(shutil.which("genisoimage") is None, reason="genisoimage is not installed")
def test_remastered_with_two_file_systems(tmp_path: Path) -> None:
    """ISO 9660's length of the file is too short; UDF's, which Windows reads, is right."""
    disc = remastered_iso(tmp_path / "w.iso", tmp_path / "tree", 3 * 2**20)

    assert len(windows_disc.look(disc).editions) == 1


@pytest.mark.parametrize("pieces", [1, 2, 3, 5])
def test_in_pieces(tmp_path: Path, pieces: int) -> None:
    """Without UDF such a file has several records of one name, each with a part of it."""
    disc = piecewise_iso(tmp_path / "w.iso", pieces)

    with opened(disc) as found:
        assert found.read("sources/install.wim") == wim((edition_xml(1),), bytes(64 * 2048))
    assert len(windows_disc.look(disc).editions) == 1


def test_reading_across_pieces() -> None:
    """From anywhere to anywhere; what the image does not have is the end."""
    image = io.BytesIO(b"xxx123xx456xx7")
    stream = Extents(image, [(3, 3), (8, 3), (13, 3)], 9)

    assert stream.read() == b"1234567"
    assert stream.seek(2) == 2
    assert (stream.read(3), stream.tell(), stream.read(1)) == (b"345", 5, b"6")
    assert stream.seek(-4, io.SEEK_END) == 5
    assert (stream.read(2), stream.read(2), stream.read(2)) == (b"67", b"", b"")
    assert (stream.seek(99), stream.read(1)) == (99, b"")


def test_the_last_piece_is_longer() -> None:
    """A file ends inside a sector."""
    stream = Extents(io.BytesIO(b"123456"), [(0, 2), (2, 4)], 5)

    assert stream.read() == b"12345"
