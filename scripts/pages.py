"""Write what pages of this repository say of its code: ``python -m scripts.pages`` (a test compares them)."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from scripts.imports import PACKAGE, folders

ROOT = PACKAGE.parent
BEGIN, END = "<!-- made by scripts/pages.py -->\n", "<!-- end -->\n"


def pages() -> dict[Path, str]:
    """The text that each of the pages must have."""
    architecture = ROOT / "docs" / "architecture.md"
    before, _, rest = architecture.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        architecture: f"{before}{BEGIN}{_floors()}{END}{after}",
        ROOT / "examples" / "README.md": examples(),
    }


def _floors() -> str:
    return f"{picture(folders())}\n{table()}\nInside `guest`:\n\n{picture(folders('guest'))}"


def picture(needs: dict[str, set[str]]) -> str:
    """The folders as a Mermaid graph, from the top down; an arrow that others make up for is left out."""
    arrows = [
        f"    {_shown(here)} --> {_shown(there)}"
        for here in _downwards(needs, needs)
        for there in _downwards(needs[here], needs)
        if not any(there in _reached(other, needs) for other in needs[here] - {there})
    ]
    return "\n".join(["```mermaid", "flowchart TD", *arrows, "```", ""])


def table() -> str:
    """Each folder in its own words, from the top down, and all that it imports."""
    needs = folders()
    lines = ["| folder | what it is | imports |", "|---|---|---|"]
    for name in _downwards(needs, needs):
        below = ", ".join(map(_shown, _downwards(needs[name], needs)))
        lines.append(f"| `{_shown(name)}` | {_first_line(_file(name))} | {below} |")
    return "\n".join([*lines, ""])


def examples() -> str:
    """The list of the examples, in their own words."""
    lines = [
        "# Examples",
        "",
        (
            "Each file is a test suite of its own. `make demo` runs them on the practice guest, all but the one"
            " that takes minutes;"
        ),
        "`pytest examples --smolvm-image=win11.qcow2` runs them on your Windows.",
        "",
        "| file | shows |",
        "|---|---|",
    ]
    files = sorted((ROOT / "examples").glob("test_*.py"))
    return "\n".join([*lines, *(f"| [{file.name}]({file.name}) | {_first_line(file)} |" for file in files), ""])


def _downwards(names: Iterable[str], needs: dict[str, set[str]]) -> list[str]:
    return sorted(names, key=lambda name: (-_height(name, needs), name))


def _reached(name: str, needs: dict[str, set[str]]) -> set[str]:
    return needs[name].union(*(_reached(other, needs) for other in needs[name]))


def _height(name: str, needs: dict[str, set[str]]) -> int:
    return 1 + max((_height(other, needs) for other in needs[name]), default=0)


def _file(name: str) -> Path:
    path = PACKAGE / name
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _shown(name: str) -> str:
    return "pytest_smolvm" if name == "__init__" else name


def _first_line(path: Path) -> str:
    """The first paragraph of a module's docstring, as one line of a table."""
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(words.partition("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
