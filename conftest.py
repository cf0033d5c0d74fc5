"""For every test of this repository: pytest's own test tool, and marks that tell what a test needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_smolvm.host.programs import find

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent
# Who boots guests: all tests in this folder, and whoever uses one of these fixtures.
BOOTED_FOLDER = ROOT / "tests" / "booted"
BOOTING_FIXTURES = {
    "windows_vm",
    "windows_vm_class",
    "windows_vm_module",
    "windows_vm_session",
    "windows_vm_factory",
    "installer",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that boot guests."""
    for item in items:
        if BOOTED_FOLDER in item.path.parents or BOOTING_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.booted)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program is not installed; where everything is required to run, that is an error."""
    missing = [program for mark in item.iter_markers("tool") for program in mark.args if not find(program)]
    if missing and os.environ.get("SMOLVM_REQUIRE"):
        pytest.fail(f"{', '.join(missing)} is not installed", pytrace=False)
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
