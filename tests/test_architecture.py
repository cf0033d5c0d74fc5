"""The folders are the floors: imports only point down, and inside a folder they never go round."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from _pytest import hookspec

ROOT = Path(__file__).parents[1] / "pytest_smolvm"
FLOORS = ("errors", "host", "machine", "guest", "pool", "images", "vm", "trial", "plugin cli __init__")
GUEST = ("names layer trail", "spec", "link", "commands", "files", "system screen", "desktop")
"""The floors inside `guest`."""
LONGEST_FILE = 350
THIRD_PARTY = {
    "paramiko": "guest.link",
    "winrm": "guest.link.winrm",
    "filelock": "host.locks",
    "pycdlib": "images.windows.media.disc",
    "PIL": "guest.screen",
    "numpy": "guest.screen.matching",
    "pytest": "plugin",
    "time": "host.clock",  # tests stop the clock that everybody reads
    "_pytest": "plugin",
}
"""Packages of others, each with the file or folder that may import it."""
TESTS = Path(__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def name(path: Path) -> str:
    """The module's dotted name below the package; a folder's own is the folder's."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {name(path): path for path in FILES}


TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in MODULES.items()}


def imported(tree: ast.Module) -> set[str]:
    """What a file imports, wherever in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import: {ast.unparse(node)}"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imports(tree: ast.Module) -> set[str]:
    """The modules of ours that a file imports."""
    ours = (name for name in imported(tree) if name.startswith("pytest_smolvm."))
    return {_module(name.removeprefix("pytest_smolvm.")) for name in ours} - {""}


def _module(dotted: str) -> str:
    """The module that an imported name is or comes from; empty for the package's public names."""
    while dotted not in MODULES and "." in dotted:
        dotted = dotted.rpartition(".")[0]
    return dotted if dotted in MODULES else ""


IMPORTS = {module: imports(tree) for module, tree in TREES.items()}


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


@pytest.mark.parametrize("package", THIRD_PARTY)
def test_a_package_of_others_is_imported_in_one_place(package: str) -> None:
    """What is to be changed when it changes is in one file or folder."""
    place = THIRD_PARTY[package]
    elsewhere = {
        module
        for module, tree in TREES.items()
        if package in {name.partition(".")[0] for name in imported(tree)} and not f"{module}.".startswith(f"{place}.")
    }

    assert set() == elsewhere


def test_nothing_else_of_others_is_imported() -> None:
    ours = {"pytest_smolvm", "_pytest", *THIRD_PARTY, *sys.stdlib_module_names}

    assert set() == {name.partition(".")[0] for tree in TREES.values() for name in imported(tree)} - ours


def test_a_class_has_a_name_of_its_own() -> None:
    names = [node.name for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]

    assert set() == {name for name in names if names.count(name) > 1}


@pytest.mark.parametrize("module", [module for module, path in MODULES.items() if path.name == "__init__.py"])
def test_a_folders_face_has_no_code(module: str) -> None:
    """A docstring, and what is re-exported. The package's own is lazy, and pytest looks for its hooks in the plugin's."""
    hooks = ["pytest_xdist_auto_num_workers", *dir(hookspec)]
    own = {"__init__": ["__getattr__", "__dir__"], "plugin": hooks}.get(module, [])

    assert [] == [ast.unparse(node) for node in TREES[module].body if not _is_face(node, own)]


def _is_face(node: ast.stmt, own: list[str]) -> bool:
    if isinstance(node, ast.If):  # imports for the type checker
        return ast.unparse(node.test) == "TYPE_CHECKING"
    if isinstance(node, ast.FunctionDef):
        return node.name in own or (node.name.startswith("pytest_xdist_") and "pytest_configure" in own)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign))


def test_functions_are_short() -> None:
    """Counted are their lines without signature and docstring."""
    lengths = {
        f"{module}.{node.name}": length(node)
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    long = {name: length for name, length in lengths.items() if length > 25}

    assert {} == {name: length for name, length in long.items() if length > 40}
    assert len(long) <= len(lengths) / 100, long


def length(function: ast.FunctionDef) -> int:
    first, *rest = function.body
    if ast.get_docstring(function):
        if not rest:
            return 0
        first = rest[0]
    return (function.body[-1].end_lineno or 0) - first.lineno + 1


@pytest.mark.parametrize("module", MODULES)
def test_files_are_short(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_tests_leave_private_names_alone(path: Path) -> None:
    """What a test may not do by the public ways of a module is a fault of the module."""
    patched = {
        ast.unparse(name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("monkeypatch.setattr")
        for name in node.args[:2]
        if isinstance(name, ast.Constant) and str(name.value).rpartition(".")[2].startswith("_")
    }

    assert not patched, patched
