"""What a guest prints, as text, in lines, and when it is much."""

from __future__ import annotations

import resource

import pytest

from pytest_smolvm.errors import CommandFailed
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.run import run
from tests.guest.commands.transport import Printing


@pytest.mark.parametrize(
    ("raw", "text"),
    [("ü€😀".encode(), "ü€😀"), (b"\xef\xbb\xbfx", "x"), (b"\x81\x84", "üä"), (b"a\x00b", "a\x00b")],
)
def test_output_of_any_code_page_is_text(raw: bytes, text: str) -> None:
    assert text == run(Printing(("out", raw)), "x").stdout


def test_much_output_does_not_fill_the_memory() -> None:
    line = b"x" * 1023 + b"\n"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    result = run(Printing(*[("out", line * 64)] * 1600), "x")
    count = sum(1 for _ in result.lines())

    assert 64 * 1600 == count
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024
    assert "bytes" in repr(result)


def test_check() -> None:
    with pytest.raises(CommandFailed, match="exit code 3"):
        RunResult("", "", 3, 0.1, "x").check()

    result = RunResult("", "", 0, 0.1, "x")
    assert result is result.check()
