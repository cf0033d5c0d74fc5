"""The command line's words, and secrets that are never among them."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest

from pytest_smolvm.cli.main import main
from pytest_smolvm.cli.windows import add_arguments, recipe_from
from pytest_smolvm.errors import UsageError
from pytest_smolvm.images.windows.recipe import Recipe

MEDIA = ["--iso", "w.iso", "--virtio-win-iso", "v.iso", "--output", "o.qcow2"]


def parsed(*words: str) -> Recipe:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return recipe_from(parser.parse_args([*MEDIA, *words]))


def scripts(*words: str) -> list[str]:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return [str(path) for path in parser.parse_args([*MEDIA, *words]).extra_scripts]


def test_defaults_are_the_recipes() -> None:
    """The two places that know defaults agree."""
    assert parsed() == Recipe(iso=Path("w.iso"), virtio_iso=Path("v.iso"), output=Path("o.qcow2"))


def test_desktop_and_consent() -> None:
    """Two choices: tests of windows want the one, those of installers that ask may want the other."""
    recipe = parsed("--desktop", "--uac", "silent")

    assert (recipe.desktop, recipe.uac) == (True, "silent")


def test_secrets_come_from_files(tmp_path: Path) -> None:
    """A command line is seen by every process of the host."""
    (tmp_path / "password").write_text("s3cret pass\n", encoding="utf-8")
    (tmp_path / "key").write_text("VK7JG-NPHTM-C97JM-9MPGT-3V66T\r\n", encoding="utf-8")

    recipe = parsed("--password-file", str(tmp_path / "password"), "--product-key-file", str(tmp_path / "key"))

    assert recipe.password == "s3cret pass"
    assert recipe.product_key == "VK7JG-NPHTM-C97JM-9MPGT-3V66T"
    assert not recipe.default_password


def test_several_scripts_in_either_way() -> None:
    """One option with all of them, or one each; their order is kept."""
    assert scripts("--extra-script", "a.cmd", "b.ps1", "--extra-script", "c.cmd") == ["a.cmd", "b.ps1", "c.cmd"]
    assert scripts() == []


@pytest.mark.parametrize("content", [b"", b"\n", b"\nsecond line\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("option", ["password", "product-key"])
def test_empty_secret_file(tmp_path: Path, option: str, content: bytes) -> None:
    """The first line counts, and a byte-order mark is none of it."""
    (tmp_path / "secret").write_bytes(content)

    with pytest.raises(UsageError, match=f"the {option.replace('-', ' ')} file .*secret is empty"):
        parsed(f"--{option}-file", str(tmp_path / "secret"))


@pytest.mark.parametrize("option", ["password", "product-key"])
def test_secret_file_that_cannot_be_read(tmp_path: Path, option: str) -> None:
    """Missing, a directory, or not text: said as what it was to be."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")

    for path in (tmp_path / "none", tmp_path, tmp_path / "binary"):
        with pytest.raises(UsageError, match=f"the {option.replace('-', ' ')} file .* cannot be read"):
            parsed(f"--{option}-file", str(path))


def test_one_line_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback: the status for wrong usage, and one sentence."""
    code = main(["windows", "build-image", *MEDIA, "--password-file", str(tmp_path / "none")])

    assert code == 2
    assert re.fullmatch(r"pytest-smolvm: the password file .*none cannot be read: .*\n", capsys.readouterr().err)


@pytest.mark.tool("qemu-img", "qemu-system-x86_64", "swtpm")
def test_a_report_that_cannot_be_written_is_told_before_anything_takes_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And one that can be is there, whatever becomes of the image."""
    words = ["windows", "check-image", str(tmp_path / "none.qcow2"), "--report"]

    assert main([*words, str(tmp_path / "nowhere" / "report.json")]) == 1
    assert "cannot be written: No such file" in capsys.readouterr().err

    assert main([*words, str(tmp_path / "report.json")]) == 1
    assert "none.qcow2" in capsys.readouterr().err
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["outcomes"] == []
