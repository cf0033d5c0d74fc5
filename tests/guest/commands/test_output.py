"""What a guest prints, as text, in lines, and when it is much."""

from __future__ import annotations

import resource
from collections import Counter

import pytest

from pytest_smolvm.errors import CommandFailed, CommandTimedOut, OutputLimitExceeded, TimedOut
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.run import carried_out, run
from pytest_smolvm.guest.commands.shells import NewPowerShell, Script
from pytest_smolvm.guest.commands.spawned import Spawned
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


def test_one_bad_byte_spoils_its_own_line_only_also_of_much_output() -> None:
    line = "grün €\r\n".encode()

    result = run(Printing(("out", line * 900_000), ("out", b"gr\x81n\r\n"), ("out", line)), "x")

    assert {"grün €": 900_001, "grün": 1} == Counter(result.lines())


@pytest.mark.parametrize("end", ["ü", "€", "😀"])
def test_a_limit_that_cuts_a_character_leaves_the_rest_as_it_is(end: str) -> None:
    printed = f"ä{end}".encode()
    for limit in range(len("ä".encode()), len(printed)):
        with pytest.raises(OutputLimitExceeded) as caught:
            carried_out(NewPowerShell(Printing(("out", printed))), Script("x"), max_output=limit)
        assert "ä" == caught.value.stdout


def test_a_time_out_that_cuts_a_character_leaves_the_rest_as_it_is() -> None:
    guest = Printing(("out", b"x\xc3"), ("err", "y€".encode()[:-1]), error=TimedOut("the command", 3))

    with pytest.raises(CommandTimedOut) as caught:
        run(guest, "x", timeout=3)

    assert ("x", "y") == (caught.value.stdout, caught.value.stderr)


def test_what_a_running_program_has_written_ends_before_a_character_that_is_cut() -> None:
    program = Spawned(lambda *_: run(Printing(("out", b"x\xc3")), "x"), 1, "job", ("out", "err"))

    assert ("x", "x") == (program.stdout, program.stderr)


def test_check() -> None:
    with pytest.raises(CommandFailed, match="exit code 3"):
        RunResult("", "", 3, 0.1, "x").check()

    result = RunResult("", "", 0, 0.1, "x")
    assert result is result.check()
