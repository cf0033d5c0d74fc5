"""What is said of a guest that lets nobody in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import BootError
from pytest_smolvm.guest.link.arrival import account, login
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

    def check(self, patience: float = 0.0) -> None:
        """It lives."""


def test_a_server_that_breaks_every_handshake_off_has_answered(tmp_path: Path) -> None:
    spec = GuestSpec(image=tmp_path, ssh_user="smolvm", ssh_password="right")
    with listening(reset) as server, pytest.raises(BootError, match="the SSH handshake failed") as caught:
        login(Answering(server, tmp_path), spec, timeout=0.5)

    assert "ssh" == caught.value.stage
    assert "BdsDxe" in caught.value.log_tail


@pytest.mark.parametrize(
    ("wanted", "others"),
    [
        ({}, (("celesto", "celesto"),)),
        ({"ssh_user": "celesto", "ssh_password": "celesto"}, ()),
        ({"ssh_password": "chosen"}, ()),
    ],
)
def test_images_of_smolvms_own_builder_are_known(
    tmp_path: Path, wanted: dict[str, Any], others: tuple[tuple[str, str], ...]
) -> None:
    """Its documentation has an account of its own; what somebody has chosen is not second-guessed."""
    spec = GuestSpec(image=tmp_path, **wanted)
    with listening(reset) as server:
        assert others == account(Answering(server, tmp_path), spec).others
