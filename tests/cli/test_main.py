"""What `pytest-smolvm` makes of its words, and of words that make no sense."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_smolvm.cli import main
from pytest_smolvm.host.store import default_root
from pytest_smolvm.plugin.options import TABLE, resolve


@pytest.mark.parametrize(
    "environ", [{"SMOLVM_STORE": "/s", "SMOLVM_HOME": "/h"}, {"SMOLVM_HOME": "/h"}, {"XDG_CACHE_HOME": "/c"}]
)
def test_the_command_uses_the_store_that_pytest_uses(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SMOLVM_STORE", "SMOLVM_HOME", "XDG_CACHE_HOME", *(setting.variable for setting in TABLE)):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "1000")

    with pytest.raises(SystemExit):
        main.main(["--help"])

    said = capsys.readouterr().out
    settings = resolve(lambda setting: None, lambda setting: None, os.environ, here=Path(), ini_place=Path())
    assert f"at the moment {settings.store or default_root()})" in said
    assert "$SMOLVM_STORE, else $SMOLVM_HOME" in said


def test_the_store_may_be_named_before_or_behind_the_command(tmp_path: Path) -> None:
    before, behind = str(tmp_path / "before"), str(tmp_path / "behind")
    for words in (
        ["--store", before, "prune"],
        ["prune", "--store", behind],
        ["--store", before, "prune", "--store", behind],
    ):
        assert 0 == main.main(words)

    assert {"before", "behind"} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("text", ["", "7", "d", "7y", "-1d"])
def test_times_that_make_no_sense(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["prune", f"--older-than={text}"])
    assert "is not a time like 30m, 12h, 7d" in capsys.readouterr().err


def test_a_password_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--store",
        str(tmp_path / "store"),
        "windows",
        "check-image",
        "win11.qcow2",
        "--password-file",
        str(tmp_path / "gone"),
    ]

    assert 2 == main.main(words)
    assert f"the password file {tmp_path}/gone cannot be read" in capsys.readouterr().err


def test_without_a_home_directory_the_command_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HOME", "SMOLVM_STORE", "SMOLVM_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    # The outermost edge: the user that runs this has an entry in the system's list.
    monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])

    assert 1 == main.main(["images"])
    assert "name a place with --smolvm-store=DIR or SMOLVM_STORE" in capsys.readouterr().err


def test_the_command_without_arguments_shows_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main([])

    assert 2 == ended.value.code
    assert "usage: pytest-smolvm [-h] [--store DIR] COMMAND ..." in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        *("practice build", "windows build-image", "windows check-image", "images", "prune", "doctor"),
        *("snapshot export", "snapshot import"),
    ],
)
def test_every_command_explains_itself(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main([*words.split(), "--help"])

    assert 0 == ended.value.code
    assert f"usage: pytest-smolvm {words} " in capsys.readouterr().out
