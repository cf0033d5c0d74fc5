"""What a guest leaves to look at, and what is left out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm import GuestSpec
from pytest_smolvm.guest.trail import shown
from pytest_smolvm.plugin.witness import masked

SECRET = "pa\\ss'w\"\x07rd"
SPEC = GuestSpec(image=Path("x.qcow2")).having(ssh_password=SECRET, env_vars={"API_KEY": "k3y-of-many-letters"})


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        shown(f"login {SECRET}"),
        shown(["login", SECRET]),
        shown("x" * 115 + SECRET),
        shown("x" * 115 + "k3y-of-many-letters"),
        "k3y-of\n... 7 bytes are left out ...\n-letters",
    ],
)
def test_a_secret_is_found_as_python_writes_it_and_where_it_was_cut(text: str) -> None:
    left = masked(text, SPEC)

    assert "***" in left
    assert [] == [part for part in ("pa\\", "ss'", 'w"', "rd", "k3y", "letters") if part in left]


def test_the_rest_of_a_text_stays() -> None:
    assert "a word... and\n... 7 bytes are left out ...\nthe end" == masked(
        "a word... and\n... 7 bytes are left out ...\nthe end", SPEC
    )
