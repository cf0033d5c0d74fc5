"""Installations that fail by themselves, so that nobody waits for a standstill: real firmware, real discs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_smolvm.images.windows import BuildError, Recipe
from pytest_smolvm.images.windows.setup import diagnosis
from tests.images.windows.conftest import STALL
from tests.images.windows.discs import edition_xml, windows_iso
from tests.images.windows.installer_disc import with_variant


def test_a_disc_that_does_not_start(recipe: Recipe, failing: Callable[[Recipe], BuildError], tmp_path: Path) -> None:
    """It has all that is looked at beforehand, and a boot loader that is no program."""
    disc = windows_iso(tmp_path / "w.iso", (edition_xml(1, size=1_000_000),))

    error = failing(replace(recipe, iso=disc))

    assert error.phase == diagnosis.FIRMWARE
    assert "found nothing to start" in error.what


def test_a_boot_loader_that_nobody_signed(recipe: Recipe, failing: Callable[[Recipe], BuildError]) -> None:
    """The practice installer itself, with Secure Boot."""
    error = failing(replace(recipe, secure_boot=True))

    assert error.phase == diagnosis.FIRMWARE
    assert "Secure Boot refused" in error.what


def test_an_installer_that_switches_off(
    recipe: Recipe, changed: Callable[..., Path], failing: Callable[[Recipe], BuildError]
) -> None:
    """Seen at once, without waiting for a stall."""
    error = failing(replace(recipe, iso=changed(with_variant, "off")))

    assert error.phase == diagnosis.WINDOWS_PE
    assert "switched the computer off before it had copied" in error.what


@pytest.mark.slow  # five times through the firmware
def test_an_installer_that_starts_over(
    recipe: Recipe, changed: Callable[..., Path], failing: Callable[[Recipe], BuildError]
) -> None:
    """Its prompt is answered each time, until it is enough."""
    error = failing(replace(recipe, iso=changed(with_variant, "early-loop"), stall=STALL))

    assert error.phase == diagnosis.WINDOWS_PE
    assert "restarted 4 times without copying" in error.what
