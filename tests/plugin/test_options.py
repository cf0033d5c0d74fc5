"""Option over environment over ini over default, in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.plugin.options import Settings, images, resolve


def resolved(
    options: dict[str, Any] | None = None, ini: dict[str, Any] | None = None, environ: dict[str, str] | None = None
) -> Settings:
    return resolve(lambda s: (options or {}).get(s.name), lambda s: (ini or {}).get(s.name), environ or {"HOME": "/h"})


def test_option_wins_over_environment_wins_over_ini() -> None:
    everywhere = resolved({"memory": "1"}, {"memory": "3"}, {"SMOLVM_MEMORY": "2"})

    assert everywhere.memory == 1
    assert resolved(None, {"memory": "3"}, {"SMOLVM_MEMORY": "2"}).memory == 2
    assert resolved(None, {"memory": "3"}).memory == 3
    assert resolved().memory is None


def test_zero_is_a_value_and_not_nothing() -> None:
    assert resolved({"max-guests": "0"}, {"max-guests": "3"}).max_guests == 0


@pytest.mark.parametrize(
    ("name", "value"), [("memory", "much"), ("boot", "warm"), ("keep", "sometimes"), ("boot-timeout", "1m")]
)
def test_a_value_that_makes_no_sense_names_its_origin(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"--smolvm-{name}"):
        resolved({name: value})


def test_images_have_names() -> None:
    found = images(["practice", "/x/win11.qcow2", "win10=/y/z.qcow2"])

    assert found == {"practice": None, "win11": Path("/x/win11.qcow2"), "win10": Path("/y/z.qcow2")}


@pytest.mark.parametrize("words", [["=x"], ["win="], ["a/win.qcow2", "b/win.qcow2"]])
def test_image_names_are_given_and_unique(words: list[str]) -> None:
    with pytest.raises(UsageError):
        images(words)


@pytest.mark.parametrize("name", ["image", "memory", "boot", "boot-timeout", "store", "ssh-user", "ssh-password"])
def test_an_empty_variable_is_not_set(name: str) -> None:
    variable = f"SMOLVM_{name.replace('-', '_').upper()}"

    assert resolved(environ={"HOME": "/h", variable: ""}) == resolved(environ={"HOME": "/h"})


def test_an_empty_variable_leaves_the_word_to_the_file() -> None:
    assert resolved(None, {"memory": "3"}, {"SMOLVM_MEMORY": ""}).memory == 3


def test_several_images_in_the_environment() -> None:
    assert list(resolved(environ={"SMOLVM_IMAGE": "practice;b=/c.qcow2"}).image) == ["practice", "b"]


def test_store_is_smolvm_home_or_the_users_cache() -> None:
    assert resolved(environ={"SMOLVM_HOME": "/s"}).store == Path("/s")
    assert resolved(environ={"XDG_CACHE_HOME": "/c"}).store == Path("/c/smolvm")


def test_the_password_is_never_shown() -> None:
    settings = resolved(environ={"SMOLVM_SSH_PASSWORD": "s3cret"})

    assert settings.ssh_password == "s3cret"
    assert "s3cret" not in repr(settings)
