"""Which module of the package imports which: what the picture of the floors is drawn from."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "pytest_smolvm"


def modules() -> dict[str, Path]:
    """Every module by its dotted name below the package; a folder's own has the folder's name."""
    return {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports() -> dict[str, set[str]]:
    """The modules of ours that each module imports, wherever in it: lazily, or for its types only."""
    known = modules()
    return {name: {_home(imported, known) for imported in _imported(path)} - {""} for name, path in known.items()}


def folders(inside: str = "") -> dict[str, set[str]]:
    """The folders, and the modules that lie beside them, which each of them imports.

    :param inside: only those of this folder; else those of the whole package.
    """
    before = f"{inside}." if inside else ""
    found: dict[str, set[str]] = {}
    for module, needed in imports().items():
        if module.startswith(before):
            here = _part(module, before)
            found.setdefault(here, set()).update(
                {_part(name, before) for name in needed if name.startswith(before)} - {here}
            )
    return found


def _part(module: str, before: str) -> str:
    return module.removeprefix(before).partition(".")[0]


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("pytest_smolvm.") for name in found if name.startswith("pytest_smolvm.")}


def _home(dotted: str, known: dict[str, Path]) -> str:
    """The module that an imported name is or comes from; empty for the package's public names."""
    while dotted not in known and "." in dotted:
        dotted = dotted.rpartition(".")[0]
    return dotted if dotted in known else ""
