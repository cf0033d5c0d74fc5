"""Imports only ever point down, and never sideways; files stay short."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "pytest_smolvm"
LONGEST = 400
FLOORS = (
    {"errors"},  # what goes wrong
    {"windows", "waiting", "progress", "regfile", "merge", "notes"},  # rules and words
    {"spec", "trees"},  # what is wanted
    {"settings", "tarball", "owner"},
    {"process", "locks", "telling"},  # the host
    {"accel", "firmware", "store", "channels"},  # what the host has, what SSH has
    {"qemu", "qmp", "swtpm", "disk", "ssh", "powershell"},  # one outside tool each
    {"host", "commands", "filesystem", "ports", "resident"},  # what is done in a guest
    {"files", "shells"},
    {"folders", "registry", "services", "processes", "waits", "power"},
    {"environment", "conformance", "spawned"},
    {"access"},  # the guest object's methods, in groups
    {"guest_files", "guest_state"},
    {"machine", "capacity", "cloning"},  # one QEMU, born and buried
    {"templates"},  # frozen machines
    {"pool", "practice"},  # where guests and images come from
    {"vm", "images", "inventory"},  # what a test holds
    {"builder", "doctor"},  # whole pieces of work
    {"session"},
    {"plugin", "cli", "__init__"},  # the doors
)
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}


def module(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in found if name.startswith("pytest_smolvm.")}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    here = FLOOR[module(path)]

    public = {"GuestSpec", "RunResult", "SmolVM", "SmolVMError"}  # the package's own names, for doors and builders
    upward = {name for name in imports(path) - public if FLOOR[name] >= here and name != module(path)}

    assert set() == upward


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
