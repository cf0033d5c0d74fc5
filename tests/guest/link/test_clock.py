"""Waits for a guest while a test has stopped the clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from time import monotonic

import paramiko
import pytest

from pytest_smolvm.errors import GuestUnreachable, TimedOut
from pytest_smolvm.guest.commands.frames import Frames, NoAnswer
from pytest_smolvm.guest.link.channels import Patience
from pytest_smolvm.guest.link.login import wait_for_login
from pytest_smolvm.host.progress import nothing
from tests.frozen import frozen
from tests.guest.link.sshd import Server, listening, serving


class Silent(Server):
    """It answers nothing that it is asked once somebody is logged in, or not even the login.

    :param asked: what to be silent on.
    """

    def __init__(self, asked: str) -> None:
        super().__init__(code=None)
        self._asked = asked
        self.leave = threading.Event()

    def _think(self, asked: str) -> None:
        if asked == self._asked:
            self.leave.wait()

    def check_auth_password(self, username: str, password: str) -> int:
        self._think("login")
        return super().check_auth_password(username, password)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._think("session")
        return super().check_channel_request(kind, chanid)

    def check_channel_direct_tcpip_request(self, chanid: int, origin: object, destination: object) -> int:
        return int(paramiko.OPEN_SUCCEEDED)


@pytest.fixture(name="stopped", autouse=True)
def _stopped() -> Iterator[None]:
    with frozen():
        yield


def test_a_login_that_is_not_answered() -> None:
    server = Silent("login")
    with listening(serving(server)) as account, pytest.raises(TimedOut):
        try:
            wait_for_login(replace(account, patience=Patience(answer=0.3, pause=0.0)), timeout=1.0)
        finally:
            server.leave.set()


def test_a_session_that_is_not_answered() -> None:
    server = Silent("session")
    with listening(serving(server)) as account:
        patient = replace(account, patience=Patience(answer=0.3))
        with closing(wait_for_login(patient, timeout=20)) as connection:
            with pytest.raises(GuestUnreachable):
                connection.execute("ver", on_stdout=nothing, on_stderr=nothing, timeout=5.0)
            server.leave.set()


def test_a_command_that_does_not_end() -> None:
    with listening(serving(Server(code=None))) as account, closing(wait_for_login(account, timeout=20)) as connection:
        began = monotonic()
        with pytest.raises(TimedOut):
            connection.execute("ver", on_stdout=nothing, on_stderr=nothing, timeout=0.3)

    assert monotonic() - began < 10


def test_a_resident_that_says_nothing() -> None:
    """Whether it has gone is asked before every call."""
    server = Silent("nothing")
    with listening(serving(server)) as account, closing(wait_for_login(account, timeout=20)) as connection:
        frames = Frames(connection.tunnel("127.0.0.1", 1))

        assert not frames.ended
        with pytest.raises(NoAnswer):
            frames.receive(0.1)
