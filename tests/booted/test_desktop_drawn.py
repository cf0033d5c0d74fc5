"""The desktop: a program that draws its own controls, and tells of them by UI Automation, is used like any other.

wine asks it slowly, and without KVM a look takes seconds: tests/guest/desktop/test_automation.py has the rest.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm import SmolVM, TimedOut, expect
from tests.booted.programs import Program, told

PROGRAM = Program("drawn", ("-lole32", "-loleaut32", "-luuid"))
SHORT = 30.0  # seconds in which nothing comes

pytestmark = [
    pytest.mark.slow,  # the library is compiled in the guest first
    pytest.mark.tool("x86_64-w64-mingw32-gcc"),
]


def test_what_a_window_draws_is_seen_and_used(windows_vm: SmolVM, tmp_path: Path) -> None:
    PROGRAM.install(windows_vm, tmp_path)
    window = windows_vm.desktop.launch(PROGRAM.path, "few")
    get_by = window.get_by
    expect(window).to_match_tree("drawn.yaml", timeout=120)
    get_by(control_type="Button", name="Count").click()
    get_by(automation_id="part6").fill("Ada")
    get_by(name="Wake").click()
    get_by(name="Late").click()
    get_by(name="File").click()
    get_by(control_type="MenuItem", name="Save as...").click()
    get_by(name="Hang").click()

    with pytest.raises(TimedOut, match="the window's provider for UI Automation does not answer"):
        window.tree(timeout=SHORT)
    lines = [line for line in told(window) if line != "clicked Name"]
    assert "Name: Ada" in lines
    assert ["Count", "Wake", "Late", "File", "Save as...", "Hang"] == [
        line.removeprefix("clicked ") for line in lines if line.startswith("clicked")
    ]
