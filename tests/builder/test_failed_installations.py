"""Every way an installation can fail, with the practice installer: real firmware, real discs, real restarts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_smolvm.builder import BuildError, Recipe, build, causes
from pytest_smolvm.progress import Silent
from pytest_smolvm.store import Store

from .conftest import STALL


@pytest.mark.parametrize(
    ("name", "phase", "words"),
    [
        ("refuse", causes.WINDOWS_PE, "seems to be asking something"),
        ("question", causes.WINDOWS_PE, "seems to be asking something"),
        ("off", causes.WINDOWS_PE, "switched the computer off before it had copied"),
        ("early-loop", causes.WINDOWS_PE, "restarted 4 times without copying"),
        ("hang", causes.COPYING, "copying stopped"),
        ("fail", causes.DEVICES, "shows a message instead of getting its devices ready"),
        ("loop", causes.DEVICES, "restarted 5 times without getting any further"),
    ],
)
def test_failures(recipe: Recipe, variant: Any, store: Store, name: str, phase: str, words: str) -> None:
    """Each ends with its own phase and cause, a picture of the screen, and nothing at the output."""
    with pytest.raises(BuildError, match=words) as caught:
        build(replace(recipe, iso=variant(name), stall=STALL), Silent(), store)

    assert caught.value.phase == phase
    assert caught.value.evidence is not None
    assert list(caught.value.evidence.glob("*last.png"))
    assert not recipe.output.exists()
    assert not recipe.output.with_name(f".{recipe.output.name}.building").exists()


def test_answer_file_must_be_readable_as_windows_reads(recipe: Recipe, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer file that begins with a byte-order mark is ignored, and Setup asks; the installer is as strict as that."""
    monkeypatch.setattr("pytest_smolvm.builder.unattend.render", lambda wanted: "\ufeff<?xml version='1.0'?><unattend/>")

    with pytest.raises(BuildError, match="seems to be asking something"):
        build(replace(recipe, stall=STALL), Silent(), store)
