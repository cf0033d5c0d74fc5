"""What cmd.exe is sent."""

from __future__ import annotations

from pytest_smolvm.guest.commands.run import run
from tests.guest.commands.transport import Printing


def test_cmd_hides_names_that_sshd_would_replace() -> None:
    guest = Printing()

    run(guest, "scp.bat x", shell="cmd")

    assert [" scp.bat x"] == guest.requests


def test_cmd_gets_no_byte_order_mark() -> None:
    guest = Printing()

    run(guest, "\ufeffecho x\r\n", shell="cmd")

    assert ["echo x"] == guest.requests
