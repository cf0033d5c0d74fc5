"""What can be asked for, by Windows' rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.images.windows import accounts
from pytest_smolvm.images.windows.recipe import Recipe


def recipe(**changes: Any) -> Recipe:
    words: dict[str, Any] = {"iso": Path("win.iso"), "virtio_iso": Path("virtio.iso"), "output": Path("out.qcow2")}
    return Recipe(**(words | changes))


def test_defaults_are_accepted() -> None:
    """Nothing but the media and the output must be given."""
    assert recipe().user == "smolvm"
    assert recipe().default_password


def test_secrets_are_not_shown() -> None:
    """A recipe may be printed and logged."""
    shown = repr(recipe(password="hunter2-hunter2", product_key="AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"))

    assert "hunter2" not in shown
    assert "AAAAA" not in shown


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "0 characters"),
        ("a" * 21, "21 characters"),
        ("a/b", "'/'"),
        ("me@home", "'@'"),
        ('say"', "'\"'"),
        ("tab\there", "'\\\\t'"),
        ("...", "full stop"),
        ("name.", "full stop"),
        (" name", "space"),
        ("Administrator", "built-in"),
        ("SYSTEM", "built-in"),
        ("smolvm-win", "computer's name"),
    ],
)
def test_user_names_windows_refuses(name: str, reason: str) -> None:
    """Setup would stop in the middle; here it is one sentence before anything starts."""
    with pytest.raises(UsageError, match=reason):
        recipe(user=name)


@pytest.mark.parametrize("name", ["smolvm", "O'Brien", "Jörg", "a b", "user.name", "x" * 20])
def test_user_names_windows_takes(name: str) -> None:
    """Spaces, dots and other alphabets are fine."""
    assert recipe(user=name).user == name


@pytest.mark.parametrize(
    ("password", "reason"),
    [("", "empty"), ("x" * 128, "128 characters"), ("a\nb", "control character"), ("a\ud800", "surrogate")],
)
def test_passwords_windows_refuses(password: str, reason: str) -> None:
    """An empty one would give an image nobody can log in to."""
    with pytest.raises(UsageError, match=reason):
        recipe(password=password)


@pytest.mark.parametrize(
    ("password", "reason"),
    [("aB3!", "too short"), ("alllowercase", "too weak"), ("Xsmolvm-1X", "contains the user name")],
)
def test_passwords_too_weak_for_server(password: str, reason: str) -> None:
    """Windows Server wants three kinds of characters and not the user's name."""
    with pytest.raises(UsageError, match=reason) as caught:
        accounts.check_complexity("smolvm", password)

    assert password not in str(caught.value)


def test_strong_password_for_server() -> None:
    """Three kinds of characters are enough."""
    accounts.check_complexity("smolvm", "Correct-Horse")


@pytest.mark.parametrize(
    "changes",
    [
        {"computer_name": "a" * 16},
        {"computer_name": "12345"},
        {"computer_name": "-x"},
        {"computer_name": "a_b"},
        {"locale": "english"},
        {"locale": "en_US"},
        {"timezone": "Europe/Berlin"},
        {"timezone": ""},
        {"product_key": "AAAAA-BBBBB"},
        {"disk_size": 10},
        {"memory": 512},
        {"memory": True},
        {"cpus": 0},
        {"timeout": 0},
        {"stall": -1},
        {"uac": "on"},
    ],
)
def test_illegal_words(changes: dict[str, Any]) -> None:
    """Each is refused when the recipe is made."""
    with pytest.raises(UsageError):
        recipe(**changes)


def test_files_are_looked_at(tmp_path: Path) -> None:
    """A package, scripts and an application that cannot work are refused."""
    text = tmp_path / "notes.txt"
    text.write_text("x", encoding="utf-8")

    with pytest.raises(UsageError, match=r"neither \.zip nor \.msi"):
        recipe(openssh=text)
    with pytest.raises(UsageError, match=r"none of \.ps1"):
        recipe(extra_scripts=(text,))
    with pytest.raises(UsageError, match="is not a file"):
        recipe(extra_scripts=(tmp_path / "missing.ps1",))
    with pytest.raises(UsageError, match=r"neither install\.ps1 nor install\.cmd"):
        recipe(bake_app=tmp_path)
