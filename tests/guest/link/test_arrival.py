"""What is said of a guest that lets nobody in."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm.errors import BootError
from pytest_smolvm.guest.link.arrival import login
from pytest_smolvm.guest.link.login import Account
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory
from tests.guest.link.sshd import listening, reset


class Answering(Machine):
    """One without QEMU, whose guest has come as far as its SSH server."""

    def __init__(self, account: Account, directory: Path) -> None:
        self.ssh_port = account.port
        self.files = RunDirectory(directory)
        self.files.serial_log.write_text("BdsDxe: starting Boot0001", encoding="ascii")

    def check(self) -> None:
        """It lives."""


def test_a_server_that_breaks_every_handshake_off_has_answered(tmp_path: Path) -> None:
    spec = GuestSpec(image=tmp_path, ssh_user="smolvm", ssh_password="right")
    with listening(reset) as account, pytest.raises(BootError, match="the SSH handshake failed") as caught:
        login(Answering(account, tmp_path), spec, timeout=0.5)

    assert "ssh" == caught.value.stage
    assert "BdsDxe" in caught.value.log_tail
