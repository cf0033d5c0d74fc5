"""What makes a layer anew, and what cannot be one."""

from __future__ import annotations

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


def test_what_cannot_be_a_layer() -> None:
    found = [1]

    def closure(vm: Any) -> None:
        vm.run(str(found))

    for function in (closure, lambda vm: None, print):
        with pytest.raises(UsageError, match="cannot be a layer"):
            layer(function)
    with pytest.raises(UsageError, match="is no layer"):
        windows_layer(parent=prepare)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="layer="):
        GuestSpec(image=Path("/win11.qcow2"), layer=prepare)  # type: ignore[arg-type]
