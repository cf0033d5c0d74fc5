"""Who signed a boot manager."""

from __future__ import annotations

import pytest

from pytest_smolvm.images.windows.media import signature
from tests.images.windows.discs import signed_program

OLD = "Microsoft Windows Production PCA 2011"
NEW = "Windows UEFI CA 2023"


def test_authorities() -> None:
    """The older, the newer, both; the name elsewhere in the program is no signature."""
    assert signature.authorities(signed_program(OLD)) == (OLD,)
    assert signature.authorities(signed_program(NEW)) == (NEW,)
    assert signature.authorities(signed_program(NEW, OLD)) == (OLD, NEW)
    assert signature.authorities(signed_program() + NEW.encode()) == ()


@pytest.mark.parametrize("program", [b"", b"MZ", b"MZ" + bytes(1000), signed_program(OLD)[:200], b"\xff" * 1000])
def test_what_is_not_signed(program: bytes) -> None:
    """Nothing is said of a program that is none, or is cut off."""
    assert signature.authorities(program) == ()
