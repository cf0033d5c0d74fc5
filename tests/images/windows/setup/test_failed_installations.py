"""Installations that come to a standstill, in each phase: real firmware, real discs, real restarts.

Those that end by themselves are in test_early_failures.py; these wait until it is clear that nothing will happen any more.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_smolvm.images.windows import BuildError, Recipe
from pytest_smolvm.images.windows.answers import answer_disc
from pytest_smolvm.images.windows.setup import computer, diagnosis
from tests.images.windows.conftest import STALL
from tests.images.windows.discs import openssh_package
from tests.images.windows.installer_disc import with_hanging_loader, with_variant

pytestmark = pytest.mark.slow

# A step of our scripts may take a minute on a busy host, and says nothing before it is done.
SLOW_STALL = 2 * STALL
_MESSAGE_SECTOR = 65  # where the practice installer keeps what it shows (setup.c)


def shown(recipe: Recipe) -> str:
    """What the installer showed last, read off the disk of a build that was kept."""
    disk = recipe.output.with_name(f".{recipe.output.name}.building") / "installed.qcow2"
    sector = disk.with_suffix(".sector")
    words = [
        "qemu-img",
        "dd",
        "-f",
        "qcow2",
        "-O",
        "raw",
        "bs=512",
        f"skip={_MESSAGE_SECTOR}",
        f"count={_MESSAGE_SECTOR + 1}",
        f"if={disk}",
        f"of={sector}",
    ]
    subprocess.run(words, check=True)
    return sector.read_bytes()[:512].rstrip(b"\0").decode()


@pytest.mark.parametrize(
    ("name", "phase", "words"),
    [
        ("question", diagnosis.WINDOWS_PE, "seems to be asking something"),
        ("hang", diagnosis.COPYING, "copying stopped"),
        ("fail", diagnosis.DEVICES, "shows a message instead of getting its devices ready"),
        ("loop", diagnosis.DEVICES, "restarted 5 times without getting any further"),
        ("idle", diagnosis.DEVICES, "shows a message instead of getting its devices ready"),
        ("stay", diagnosis.INSTALLED, "did not switch itself off"),
    ],
)
def test_variants(
    recipe: Recipe,
    changed: Callable[..., Path],
    failing: Callable[[Recipe], BuildError],
    name: str,
    phase: str,
    words: str,
) -> None:
    """Each ends with its own phase and cause."""
    error = failing(
        replace(recipe, iso=changed(with_variant, name), stall=SLOW_STALL if phase == diagnosis.INSTALLED else STALL)
    )

    assert (error.phase, words in error.what) == (phase, True), error


def test_firmware_that_gets_nowhere(
    recipe: Recipe, changed: Callable[..., Path], failing: Callable[[Recipe], BuildError]
) -> None:
    """The boot loader was started and does nothing."""
    error = failing(replace(recipe, iso=changed(with_hanging_loader), stall=STALL))

    assert error.phase == diagnosis.FIRMWARE
    assert "firmware did not start the disc" in error.what


def test_our_script_waits_for_ever(recipe: Recipe, failing: Callable[[Recipe], BuildError], tmp_path: Path) -> None:
    """At the first logon: the package it installs does not come to an end."""
    package = openssh_package(tmp_path, "while ($true) { Start-Sleep -Seconds 3600 }")

    error = failing(replace(recipe, openssh=package, stall=SLOW_STALL))

    assert error.phase == diagnosis.FIRST_LOGON
    assert "the set-up at the first logon did not come to its end" in error.what


def test_no_tpm(recipe: Recipe, failing: Callable[[Recipe], BuildError], monkeypatch: pytest.MonkeyPatch) -> None:
    """The computer has none, so the installer refuses it as Windows 11 does."""
    config = computer.config
    monkeypatch.setattr(computer, "config", lambda *parts: replace(config(*parts), tpm=False))

    error = failing(replace(recipe, stall=STALL, keep_failed=True))

    assert "seems to be asking something" in error.what
    assert "TPM 2.0" in shown(recipe)


def test_no_disk_driver(
    recipe: Recipe, failing: Callable[[Recipe], BuildError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer disc lacks the folder of vioscsi."""
    files = answer_disc.driver_files
    monkeypatch.setattr(
        answer_disc, "driver_files", lambda drivers: (file for file in files(drivers) if "vioscsi" not in file[0])
    )

    error = failing(replace(recipe, stall=STALL, keep_failed=True))

    assert "seems to be asking something" in error.what
    assert "A media driver your computer needs is missing" in shown(recipe)


def test_answer_file_must_be_readable_as_windows_reads(
    recipe: Recipe, failing: Callable[[Recipe], BuildError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer file that begins with a byte-order mark is ignored, and Setup asks; the installer is as strict as that."""
    monkeypatch.setattr(
        "pytest_smolvm.images.windows.answers.unattend.render", lambda wanted: "\ufeff<?xml version='1.0'?><unattend/>"
    )

    error = failing(replace(recipe, stall=STALL, keep_failed=True))

    assert "seems to be asking something" in error.what
    assert "Select language settings" in shown(recipe)
