"""The factor by which our own patience is stretched."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.host import patience

SHOWN = """
from pytest_smolvm.guest.link.channels import Patience
from pytest_smolvm.guest.spec import DEFAULT_BOOT_TIMEOUT
from pytest_smolvm.host.waiting import PATIENCE, Deadline
print(Patience().answer, Patience().pause, DEFAULT_BOOT_TIMEOUT, PATIENCE, Deadline(7.0).seconds)
"""


@pytest.mark.parametrize(
    ("scale", "shown"),
    [("", "120.0 2.0 300.0 120.0 7.0"), ("2.5", "300.0 2.0 750.0 300.0 7.0"), ("0.5", "60.0 2.0 150.0 60.0 7.0")],
)
def test_our_patience_is_stretched_and_what_a_caller_says_is_not(scale: str, shown: str) -> None:
    environment = {**os.environ, patience.VARIABLE: scale}
    said = subprocess.run([sys.executable, "-c", SHOWN], env=environment, capture_output=True, text=True, check=True)

    assert shown == said.stdout.strip()


@pytest.mark.parametrize("text", ["much", "0", "-1", "inf", "nan"])
def test_what_is_no_factor(text: str) -> None:
    with pytest.raises(UsageError, match=f"SMOLVM_TIMEOUT_SCALE: '{text}' is not a number above 0"):
        patience.scale({patience.VARIABLE: text})


@pytest.mark.parametrize("door", [("pytest", "--collect-only"), ("pytest_smolvm.cli.main", "images")])
def test_both_doors_say_so(door: tuple[str, ...], tmp_path: os.PathLike[str]) -> None:
    environment = {**os.environ, patience.VARIABLE: "much", "SMOLVM_HOME": os.fspath(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-m", *door], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert said.returncode
    assert "SMOLVM_TIMEOUT_SCALE: 'much' is not a number above 0" in said.stderr
    assert "Traceback" not in said.stderr
