"""What makes a layer anew, and what cannot be one."""

from __future__ import annotations

from dataclasses import make_dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm import UsageError, windows_layer
from pytest_smolvm.guest.layer import Layer
from pytest_smolvm.guest.spec import GuestSpec


def prepare(vm: Any) -> None:
    vm.run("exit 0")


def otherwise(vm: Any) -> None:
    vm.run("exit 1")


WORD = "some"


def layer(function: Any = prepare, **more: Any) -> Layer:
    return windows_layer(**more)(function)


def test_a_layer_is_another_one_if_anything_of_it_is(tmp_path: Path) -> None:
    file = tmp_path / "app.msi"
    file.write_text("one")
    first = layer(files=[file])
    digest = first.digest
    others = [layer(), layer(version=2), layer(otherwise), layer(parent=layer(otherwise)), layer(parent=layer())]
    file.write_text("two")

    assert digest not in {first.digest, *(other.digest for other in others)}
    assert len(others) == len({other.digest for other in others})
    file.write_text("one")
    assert digest == layer(files=[file]).digest


def test_files_of_a_directory_count_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    before = layer(files=[tmp_path]).digest
    (tmp_path / "a").rename(tmp_path / "b")

    assert before != layer(files=[tmp_path]).digest


def test_relative_files_are_beside_the_function() -> None:
    assert (Path(__file__),) == layer(files=[Path(__file__).name]).files


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.msi cannot be read"):
        _ = layer(files=[tmp_path / "none.msi"]).digest


def test_constants_that_it_names_are_of_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(place: str) -> Layer:
        def prepared(vm: Any, more: str = place) -> None:
            vm.run(f"{WORD} {place} {more}")

        return layer(prepared)

    assert made("a").digest == made("a").digest
    assert made("a").digest != made("b").digest
    before = made("a").digest
    monkeypatch.setitem(globals(), "WORD", "other")
    assert before != made("a").digest


def test_a_file_is_read_again_only_if_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "app.msi"
    file.write_text("one")
    made = layer(files=[file])
    before = made.digest
    file.chmod(0o200)  # root reads it all the same; whoever is not root would fail
    assert before == made.digest

    file.chmod(0o600)
    file.write_text("three")
    assert before != made.digest


def test_layers_in_a_circle_are_told() -> None:
    first = layer()
    second = layer(otherwise, parent=first)
    object.__setattr__(first, "parent", second)

    with pytest.raises(UsageError, match="build on each other: prepare on otherwise on prepare"):
        _ = first.digest


def test_a_long_chain_has_a_digest() -> None:
    last = layer()
    for _ in range(2000):
        last = layer(parent=last)

    assert 2001 == len(list(last.lineage))
    assert layer().digest != last.digest


def test_what_cannot_be_a_layer() -> None:
    found = [1]

    def closure(vm: Any) -> None:
        vm.run(str(found))

    def early(vm: Any) -> None:
        vm.run(later)

    whys = {
        "the variable found around it is list": closure,
        "the variable later around it has no value yet": early,
        "its line may hold others": lambda vm: None,
        "it is no function": print,
        "its source is in no file": vars(make_dataclass("Written", ["vm"]))["__init__"],
    }
    for why, function in whys.items():
        with pytest.raises(UsageError, match=f"cannot be a layer.*: {why}"):
            layer(function)
    later = "exit 0"
    assert "early" in layer(early).name
    with pytest.raises(UsageError, match="give a list of paths"):
        windows_layer(files="app.msi")
    with pytest.raises(UsageError, match="is no layer"):
        windows_layer(parent=prepare)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="layer="):
        GuestSpec(image=Path("/win11.qcow2"), layer=prepare)  # type: ignore[arg-type]
