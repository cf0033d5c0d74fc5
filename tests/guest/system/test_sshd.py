"""When Windows' SSH server has to be told of variables that have changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.guest.link.server import Server
from pytest_smolvm.guest.system import sshd


@pytest.mark.parametrize(
    ("banner", "set_anew", "deleted"),
    [
        ("SSH-2.0-OpenSSH_for_Windows_7.7", True, True),
        ("SSH-2.0-OpenSSH_for_Windows_8.6", True, True),
        ("SSH-2.0-OpenSSH_for_Windows_8.9", False, True),
        ("SSH-2.0-OpenSSH_for_Windows_9.5", False, True),
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2", False, False),
    ],
)
def test_what_a_server_goes_on_giving_until_it_is_restarted(banner: str, set_anew: bool, deleted: bool) -> None:
    connection: Any = SimpleNamespace(server=Server(banner))

    assert sshd.keeps(connection, {"A": "new"}) is set_anew
    assert sshd.keeps(connection, {"A": "new", "B": ""}) is deleted
