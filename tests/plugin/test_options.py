"""Option over environment over ini over default, in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.plugin.image_words import images
from pytest_smolvm.plugin.options import TABLE, WANTS, Settings, resolve

HERE, INI_PLACE = Path("/here"), Path("/ini")


def resolved(
    options: dict[str, Any] | None = None, ini: dict[str, Any] | None = None, environ: dict[str, str] | None = None
) -> Settings:
    return resolve(
        lambda s: (options or {}).get(s.name),
        lambda s: (ini or {}).get(s.name),
        environ or {},
        here=HERE,
        ini_place=INI_PLACE,
    )


def test_option_wins_over_environment_wins_over_ini() -> None:
    everywhere = resolved({"memory": "1"}, {"memory": "3"}, {"SMOLVM_MEMORY": "2"})

    assert everywhere.wants == {"memory": 1}
    assert resolved(None, {"memory": "3"}, {"SMOLVM_MEMORY": "2"}).wants == {"memory": 2}
    assert resolved(None, {"memory": "3"}).wants == {"memory": 3}
    assert resolved().wants == {}


def test_zero_is_a_value_and_not_nothing() -> None:
    assert resolved({"max-guests": "0"}, {"max-guests": "3"}).max_guests == 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("memory", "much", "'much' is not a whole number of MiB"),
        ("cpus", "1.5", "'1.5' is not a whole number of processors"),
        ("boot", "warm", "'warm' is not one of clone, cold"),
        ("keep", "sometimes", "'sometimes' is not one of never, failed, always"),
        ("screenshot", "failed", "'failed' is not one of off, on, only-on-failure"),
        ("update-screens", "maybe", "'maybe' is not yes or no"),
        ("boot-timeout", "1m", "'1m' is not a number of seconds"),
        ("max-guests", "many", "'many' is not a whole number"),
        ("store-limit", "2T", "'2T' is not a number of GiB"),
        ("store-limit", "-1", "'-1' is not a number of GiB"),
        ("require", "maybe", "'maybe' is not yes or no"),
        ("store", "~nobody-of-that-name/x", "give a path without ~"),
    ],
)
def test_a_value_that_makes_no_sense_names_its_origin_and_what_would(name: str, value: str, said: str) -> None:
    origin = "" if name == "store" else f"--smolvm-{name}: "
    with pytest.raises(UsageError, match=f"{origin}.*{said}"):
        resolved({name: value})


def test_images_have_names() -> None:
    found = images(["practice", "/x/win11.qcow2", "win10=/y/z.qcow2"], HERE)

    assert found == {"practice": None, "win11": Path("/x/win11.qcow2"), "win10": Path("/y/z.qcow2")}


@pytest.mark.parametrize("words", [["=x"], ["win="], [""], ["a/win.qcow2", "b/win.qcow2"]])
def test_image_names_are_given_and_unique(words: list[str]) -> None:
    with pytest.raises(UsageError):
        images(words, HERE)


def test_a_path_with_the_sign_in_it_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "branch=main.qcow2").touch()

    found = images(["branch=main.qcow2", "/builds/branch=main/gone.qcow2", "win=b=c.qcow2"], tmp_path)

    assert found == {
        "branch=main": tmp_path / "branch=main.qcow2",
        "gone": Path("/builds/branch=main/gone.qcow2"),
        "win": tmp_path / "b=c.qcow2",
    }


def test_relative_paths_are_relative_to_where_they_were_written() -> None:
    by_option = resolved({"image": ["a.qcow2"], "store": "s", "artifacts": "r"})
    by_variable = resolved(environ={"SMOLVM_IMAGE": "a.qcow2", "SMOLVM_STORE": "s", "SMOLVM_ARTIFACTS": "r"})
    by_file = resolved(None, {"image": ["x=a.qcow2"], "store": "s"})

    assert vars(by_option) == vars(by_variable)
    assert (by_option.image, by_option.store) == ({"a": HERE / "a.qcow2"}, HERE / "s")
    assert by_option.artifacts == HERE / "r"
    assert (by_file.image, by_file.store) == ({"x": INI_PLACE / "a.qcow2"}, INI_PLACE / "s")


@pytest.mark.parametrize(("text", "required"), [("1", True), ("yes", True), ("False", False), ("0", False)])
def test_guests_may_be_required(text: str, required: bool) -> None:
    assert required == resolved(None, {"require": text}).require == resolved(environ={"SMOLVM_REQUIRE": text}).require
    assert not resolved().require


def test_a_want_of_a_guest_is_a_field_of_its_spec() -> None:
    """Whoever adds a want adds a field, and nothing here."""
    assert {setting.name.replace("-", "_") for setting in TABLE} - {want.name for want in WANTS} == {
        "images",
        "image",
        "only",
        "keep",
        "artifacts",
        "screenshot",
        "trace",
        "video",
        "update_screens",
        "update_trees",
        "max_guests",
        "store",
        "store_limit",
        "require",
    }
    for want in WANTS:
        assert all(want.metadata[key] is not None for key in ("help", "where", "unit", "choices"))


@pytest.mark.parametrize("name", ["image", "memory", "boot", "boot-timeout", "store", "ssh-user", "ssh-password"])
def test_an_empty_variable_is_not_set(name: str) -> None:
    variable = f"SMOLVM_{name.replace('-', '_').upper()}"

    assert vars(resolved(environ={variable: ""})) == vars(resolved())


def test_an_empty_variable_leaves_the_word_to_the_file() -> None:
    assert resolved(None, {"memory": "3"}, {"SMOLVM_MEMORY": ""}).wants == {"memory": 3}


def test_several_images_in_the_environment() -> None:
    assert list(resolved(environ={"SMOLVM_IMAGE": "practice;b=/c.qcow2"}).image) == ["practice", "b"]


def test_the_password_is_never_shown() -> None:
    settings = resolved(environ={"SMOLVM_SSH_PASSWORD": "s3cret"})

    assert settings.wants == {"ssh_password": "s3cret"}
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (["off"], "off"),
        (["example.com:443"], ("example.com:443",)),
        (["a.example.com:443", "10.1.0.0/16:8080"], ("a.example.com:443", "10.1.0.0/16:8080")),
    ],
)
def test_a_network_is_a_word_or_rules(value: list[str], wanted: str | tuple[str, ...]) -> None:
    assert {"network": wanted} == resolved({"network": value}).wants
    assert {"network": wanted} == resolved(None, None, {"SMOLVM_NETWORK": ";".join(value)}).wants


@pytest.mark.parametrize("value", [["lan"], ["off", "open"], ["example.com"], ["off", "example.com:443"]])
def test_a_network_that_is_none(value: list[str]) -> None:
    with pytest.raises(UsageError, match=r"^--smolvm-network: network rule "):
        resolved({"network": value})
