"""Guests by hand: words that make no sense."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pytest_smolvm.cli import main


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SMOLVM_IMAGE", raising=False)
    monkeypatch.setenv("SMOLVM_STORE", str(tmp_path / "store"))
    monkeypatch.setattr("sys.stdin", io.StringIO())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["run", "--image=x.qcow2"], "a shell takes a terminal as standard input; or give a command: -- ver"),
        (["run", "--", "ver"], "no image is named: --image FILE, --image practice, or the variable SMOLVM_IMAGE"),
        (["attach", "test_it", "--vnc", "--", "ver", "--vnc"], "no template or layer is called test_it"),
        (["stop", "test_it"], "no guest called test_it was kept; pytest-smolvm guests lists those that were"),
    ],
)
def test_it_says_what_is_missing(words: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == main.main(words)
    assert why in capsys.readouterr().err


def test_an_image_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == main.main(["run", f"--image={tmp_path / 'none.qcow2'}", "--", "ver"])
    assert "there is no image at" in capsys.readouterr().err


def test_options_end_before_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["run", "--screen", "--", "ver"])
    assert "unrecognized arguments: --screen" in capsys.readouterr().err


def test_nothing_was_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main.main(["guests"])
    assert "" == capsys.readouterr().out
