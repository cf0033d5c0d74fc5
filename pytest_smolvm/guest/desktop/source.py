"""The source of our library that sees and uses a guest's desktop: what is in scripts/library."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from pytest_smolvm.guest.commands import powershell


def name() -> str:
    """What it is called once it is compiled."""
    return powershell.library_name(text())


@cache
def text() -> str:
    """C# 5, as every Windows compiles it."""
    sources = sorted((files(__package__) / "scripts" / "library").iterdir(), key=lambda entry: entry.name)
    return "\n".join(entry.read_text(encoding="ascii") for entry in sources)
