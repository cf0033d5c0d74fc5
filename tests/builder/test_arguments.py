"""The command line's words, and secrets that are never among them."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from pytest_smolvm.builder.arguments import add_arguments, recipe_from
from pytest_smolvm.builder.recipe import Recipe
from pytest_smolvm.errors import UsageError

MEDIA = ["--iso", "w.iso", "--virtio-win-iso", "v.iso", "--output", "o.qcow2"]


def parsed(*words: str) -> Recipe:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return recipe_from(parser.parse_args([*MEDIA, *words]))


def test_defaults_are_the_recipes() -> None:
    """The two places that know defaults agree."""
    assert parsed() == Recipe(iso=Path("w.iso"), virtio_iso=Path("v.iso"), output=Path("o.qcow2"))


def test_secrets_come_from_files(tmp_path: Path) -> None:
    """A command line is seen by every process of the host."""
    (tmp_path / "password").write_text("s3cret pass\n", encoding="utf-8")
    (tmp_path / "key").write_text("VK7JG-NPHTM-C97JM-9MPGT-3V66T\r\n", encoding="utf-8")

    recipe = parsed("--password-file", str(tmp_path / "password"), "--product-key-file", str(tmp_path / "key"))

    assert recipe.password == "s3cret pass"
    assert recipe.product_key == "VK7JG-NPHTM-C97JM-9MPGT-3V66T"
    assert not recipe.default_password


def test_empty_password_file(tmp_path: Path) -> None:
    """An empty file is an empty password, which Windows does not let in."""
    (tmp_path / "password").touch()

    with pytest.raises(UsageError, match="the password is empty"):
        parsed("--password-file", str(tmp_path / "password"))


def test_missing_secret_file(tmp_path: Path) -> None:
    """Said as what it was to be."""
    with pytest.raises(UsageError, match="the product key file .* cannot be read"):
        parsed("--product-key-file", str(tmp_path / "none"))
