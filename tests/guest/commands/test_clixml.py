"""What a person would have seen of CLIXML."""

from __future__ import annotations

import pytest

from pytest_smolvm.guest.commands.clixml import plain
from pytest_smolvm.guest.commands.run import carried_out
from pytest_smolvm.guest.commands.shells import NewPowerShell, Script
from tests.guest.commands.transport import Printing

OBJECTS = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">{}</Objs>'
PROGRESS = OBJECTS.format('<Obj S="progress" RefId="0"><MS><PR N="Record"><AV>Preparing</AV></PR></MS></Obj>')
ERRORS = OBJECTS.format('<S S="Error">boom_x000D__x000A_</S><S S="Error">at line 1 _xD83C__xDF88__x000D__x000A_</S>')
CASES = [
    "",
    "plain\r\ntext",
    f"#< CLIXML\r\n{PROGRESS}",
    f"#< CLIXML\r\n{ERRORS}",
    f"before\r\n#< CLIXML\r\n{PROGRESS}{ERRORS}\r\nafter\r\n",
    f"#< CLIXML\r\n{PROGRESS}#< CLIXML\r\nnative words\r\n{ERRORS}",
    f"<Objs are mine> {PROGRESS}\r\n#< CLIXML\r\n{ERRORS}x",
    "#< CLIXML\r\n<Objs that never end\r\nrest\r\n",
    "#< CLIXML\r\n<Objs >&</Objs>\r\nrest",
]


def test_errors_are_told_and_progress_is_not() -> None:
    assert "before\r\nboom\r\nat line 1 🎈\r\nafter\r\n" == plain(CASES[4])


def test_what_is_no_clixml_stays_as_it_is() -> None:
    assert [CASES[1], f"<Objs are mine> {PROGRESS}\r\nboom\r\nat line 1 🎈\r\nx"] == [plain(CASES[1]), plain(CASES[6])]
    assert ["<Objs that never end\r\nrest\r\n", "<Objs >&</Objs>rest"] == [plain(CASES[7]), plain(CASES[8])]


@pytest.mark.parametrize("printed", CASES)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_watcher_sees_the_lines_that_stderr_will_have(printed: str, size: int) -> None:
    raw, seen = printed.encode(), list[str]()
    guest = Printing(*[("err", raw[start : start + size]) for start in range(0, len(raw), size)])

    result = carried_out(NewPowerShell(guest), Script("x"), seen.append)

    assert plain(printed) == result.stderr
    assert result.stderr.splitlines() == seen
