"""The folders are the floors: imports only point down, and inside a folder they never go round."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "pytest_smolvm"
FLOORS = ("errors", "host", "machine", "guest", "pool", "images", "vm", "plugin cli __init__")
GUEST = ("names", "spec", "link", "commands", "files", "system screen")
"""The floors inside `guest`."""
LONGEST_FILE = 400
FILES = sorted(ROOT.rglob("*.py"))


def name(path: Path) -> str:
    """The module's dotted name below the package; a folder's own is the folder's."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {name(path): path for path in FILES}


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {_module(name.removeprefix("pytest_smolvm.")) for name in found if name.startswith("pytest_smolvm.")} - {""}


def _module(dotted: str) -> str:
    """The module that an imported name is or comes from; empty for the package's public names."""
    while dotted not in MODULES and "." in dotted:
        dotted = dotted.rpartition(".")[0]
    return dotted if dotted in MODULES else ""


IMPORTS = {module: imports(path) for module, path in MODULES.items()}


def floor(module: str) -> tuple[int, int]:
    """How high a module is; within `guest` also by its floor there."""
    first, _, rest = module.partition(".")
    (level,) = (at for at, names in enumerate(FLOORS) if first in names.split())
    inside = rest.partition(".")[0]
    return level, next((at for at, names in enumerate(GUEST) if first == "guest" and inside in names.split()), 0)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    here = floor(module)

    def folder(other: str) -> str:
        parts = other.split(".")
        return ".".join(parts[: 2 if parts[0] == "guest" else 1])

    upward = {other for other in IMPORTS[module] if floor(other) >= here and folder(other) != folder(module)}

    assert set() == upward


def test_imports_never_go_round() -> None:
    """Neither files nor, in `images/windows` and the like, the folders inside a floor."""
    left = {module: set(needed) - {module} for module, needed in IMPORTS.items()}
    while ready := {module for module, needed in left.items() if not needed & set(left)}:
        left = {module: needed for module, needed in left.items() if module not in ready}

    assert {} == left


@pytest.mark.parametrize("module", MODULES)
def test_files_are_short(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
