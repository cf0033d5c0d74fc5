"""Records are there whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pytest_smolvm.host import records


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "record.json"

    records.write(path, {"name": "ä"}, mode=0o600, durable=True)

    assert {"name": "ä"} == records.read(path)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert [path] == list(tmp_path.iterdir())


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    records.write(path, {"a": 1})

    with pytest.raises(TypeError):
        records.write(path, {"a": object()})

    assert {"a": 1} == records.read(path)
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_what_is_no_record(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.json"
    assert records.read(path) is None

    path.write_bytes(content)

    assert records.read(path) is None


def test_one_that_is_being_written_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        seen.extend(tmp_path.iterdir())
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    records.write(tmp_path / "record.json", {})

    assert [True] == [records.is_aside(path) for path in seen]
    assert not records.is_aside(tmp_path / "record.json")
