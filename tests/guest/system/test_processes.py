"""What tasklist.exe prints, read."""

from __future__ import annotations

from pytest_smolvm.guest.commands.run import Sink
from pytest_smolvm.guest.system import processes
from pytest_smolvm.guest.system.processes import Process

PRINTED = b"""
"System Idle Process","0","Services","0","8 K"
"","508","Services","0","0 K"
"explorer.exe","4096","Console","1","98.765 K"
"""


class Guest:
    """One whose tasklist.exe prints that."""

    def execute(
        self, request: str, *, on_stdout: Sink, on_stderr: Sink, stdin: bytes = b"", timeout: float | None = None
    ) -> int:
        on_stdout(PRINTED.replace(b"\n", b"\r\n"))
        return 0


def test_a_process_that_has_no_name_yet_is_left_out() -> None:
    """wineserver lists those whose program is still being loaded."""
    assert [Process("System Idle Process", 0, 0, 8), Process("explorer.exe", 4096, 1, 98765)] == processes.listed(
        Guest()
    )
