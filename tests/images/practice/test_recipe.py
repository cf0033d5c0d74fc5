"""The key of a practice image, and what is refused before any work begins."""

import os
import time
from pathlib import Path

import pytest

from pytest_smolvm.errors import HostError, UsageError
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice.build import PracticeRecipe, build, key


def test_the_key_is_stable_and_cheap() -> None:
    """The same recipe has the same key; asking twice costs next to nothing."""
    started = time.perf_counter()
    first, second = key(PracticeRecipe()), key(PracticeRecipe())

    assert first == second
    assert time.perf_counter() - started < 0.5


def test_the_key_depends_on_suite_and_archive(tmp_path: Path) -> None:
    """Whatever gives another image has another key; the mirror gives the same."""
    archive = tmp_path / "PowerShell.zip"
    archive.write_bytes(b"one")
    with_archive = key(PracticeRecipe(powershell=archive))
    archive.write_bytes(b"three")

    assert (
        len(
            {
                key(PracticeRecipe()),
                key(PracticeRecipe(suite="forky")),
                with_archive,
                key(PracticeRecipe(powershell=archive)),
            }
        )
        == 4
    )
    assert key(PracticeRecipe(mirror="http://mirror.example/debian")) == key(PracticeRecipe())


def test_a_missing_archive_is_a_usage_error(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(UsageError, match=r"no-such\.zip"):
        key(PracticeRecipe(powershell=tmp_path / "no-such.zip"))


def test_without_sdk_and_archive_there_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says both ways out, and nothing has been made."""
    monkeypatch.setenv("PATH", os.fspath(tmp_path))

    with pytest.raises(HostError, match=r"\.NET SDK.*--powershell"):
        build(PracticeRecipe(), tmp_path / "out.qcow2", Store(tmp_path), Silent())

    assert list(tmp_path.iterdir()) == []
