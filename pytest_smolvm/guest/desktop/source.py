"""The source of our library that sees and uses a guest's desktop: what is in scripts/library."""

from __future__ import annotations

from functools import cache

from pytest_smolvm.guest.commands import powershell


def name() -> str:
    """What it is called once it is compiled."""
    return powershell.library_name(text())


@cache
def text() -> str:
    """C# 5, as every Windows compiles it."""
    return powershell.source_in(__package__)
