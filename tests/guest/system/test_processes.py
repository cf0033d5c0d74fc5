"""What tasklist.exe prints, read."""

from __future__ import annotations

from pytest_smolvm.guest.system import processes
from pytest_smolvm.guest.system.processes import Process
from tests.guest.commands.transport import Printing

PRINTED = b"""
"System Idle Process","0","Services","0","8 K"
"","508","Services","0","0 K"
"explorer.exe","4096","Console","1","98.765 K"
"""


def test_a_process_that_has_no_name_yet_is_left_out() -> None:
    """wineserver lists those whose program is still being loaded."""
    guest = Printing(("out", PRINTED.replace(b"\n", b"\r\n")))

    assert [Process("System Idle Process", 0, 0, 8), Process("explorer.exe", 4096, 1, 98765)] == processes.listed(guest)
