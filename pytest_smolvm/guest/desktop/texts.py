"""Texts for programs of Windows."""

from __future__ import annotations

from pytest_smolvm.errors import UsageError


def sendable(text: str) -> str:
    """The text.

    :raises UsageError: it has a NUL, with which texts of Windows end.
    """
    if "\0" in text:
        raise UsageError(f"{text!r} has a NUL, with which texts of Windows end")
    return text
