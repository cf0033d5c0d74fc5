"""Logging in to servers that are not ready, refuse, or are others; ending what runs too long."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import paramiko
import pytest

from pytest_smolvm.errors import GuestDied, GuestUnreachable, HostKeyChanged, LoginError, TimedOut
from pytest_smolvm.guest.link import channels, ssh
from pytest_smolvm.guest.link.ssh import wait_for_login
from tests.guest.link.sshd import Server, listening, reset, serving


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "_LOGIN_PAUSE", 0.0)


class Refusing(Server):
    """It refuses the first logins.

    :param times: how many; the password is not looked at.
    """

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times
        self.asked = 0

    def check_auth_password(self, username: str, password: str) -> int:
        self.asked += 1
        self.left -= 1
        return int(paramiko.AUTH_FAILED if self.left >= 0 else paramiko.AUTH_SUCCESSFUL)


class Dropping(Server):
    """It ends the connection, or stays silent, where it should answer the first login."""

    def __init__(self, silence: threading.Event | None = None) -> None:
        super().__init__()
        self.silence = silence

    def check_auth_password(self, username: str, password: str) -> int:
        if self.silence is None:
            raise EOFError("paramiko's server ends with it")
        self.silence.wait()
        return super().check_auth_password(username, password)


@pytest.fixture
def silence() -> Iterator[threading.Event]:
    """A server's, until the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_a_second_refusal_is_final() -> None:
    refusing = Refusing(9)
    with listening(serving(refusing)) as account, pytest.raises(LoginError, match="refused to log in 'smolvm'"):
        wait_for_login(account, timeout=20)
    assert 2 == refusing.asked


def test_one_refusal_is_not() -> None:
    with listening(serving(Refusing(1))) as account, closing(wait_for_login(account, timeout=20)) as connection:
        assert connection.alive


def test_a_server_without_passwords_refuses() -> None:
    class Keys(Server):
        def get_allowed_auths(self, username: str) -> str:
            return "publickey"

        def check_auth_password(self, username: str, password: str) -> int:
            return int(paramiko.AUTH_FAILED)

    with listening(serving(Keys())) as account, pytest.raises(LoginError):
        wait_for_login(account, timeout=20)


def test_a_server_that_is_restarted_during_handshake_or_login_is_tried_again() -> None:
    with listening(reset, reset, serving(Dropping()), serving(Dropping()), serving()) as account:
        with closing(wait_for_login(account, timeout=20)) as connection:
            assert connection.alive


def test_a_login_that_is_not_answered_is_no_refusal(monkeypatch: pytest.MonkeyPatch, silence: threading.Event) -> None:
    monkeypatch.setattr(ssh, "_HANDSHAKE_SECONDS", 0.5)
    silent = serving(Dropping(silence))
    with (
        listening(silent, silent, silent, serving()) as account,
        closing(wait_for_login(account, timeout=20)) as connection,
    ):
        assert connection.alive


def test_what_kept_failing_is_said_when_time_is_up() -> None:
    with listening(reset) as account, pytest.raises(TimedOut, match="last seen: the SSH handshake failed: "):
        wait_for_login(account, timeout=0.5)


def test_a_guest_that_died_is_not_waited_for() -> None:
    def watch() -> None:
        raise GuestDied("QEMU ended")

    with listening(reset) as account, pytest.raises(GuestDied):
        wait_for_login(replace(account, watch=watch), timeout=20)


def test_another_host_key_is_never_tried_again() -> None:
    with listening(serving(), serving()) as account:
        with closing(wait_for_login(account, timeout=20)) as connection:
            known = connection.host_key
        with pytest.raises(HostKeyChanged):
            wait_for_login(account, timeout=20, host_key=known)


class Full(Server):
    """It opens no session at first.

    :param times: how many it refuses.
    """

    def __init__(self, times: int) -> None:
        super().__init__(code=7)
        self.left = times

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self.left -= 1
        return int(paramiko.OPEN_FAILED_CONNECT_FAILED if self.left >= 0 else paramiko.OPEN_SUCCEEDED)


def run(connection: ssh.Ssh, timeout: float | None = None) -> int:
    return connection.execute("exit", on_stdout=print, on_stderr=print, timeout=timeout)


def test_a_session_that_sshd_has_no_room_for_yet_is_waited_for() -> None:
    with listening(serving(Full(2))) as account, closing(wait_for_login(account, timeout=20)) as connection:
        assert 7 == run(connection)


def test_the_wait_for_a_session_counts_as_the_command_s_time() -> None:
    with listening(serving(Full(10**6))) as account, closing(wait_for_login(account, timeout=20)) as connection:
        with pytest.raises(TimedOut, match="an SSH session"):
            run(connection, timeout=0.2)


def test_an_sshd_that_never_opens_a_session_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_REFUSED_SECONDS", 0.2)
    with listening(serving(Full(10**6))) as account, closing(wait_for_login(account, timeout=20)) as connection:
        with pytest.raises(GuestUnreachable, match="opens no session: .*Connect failed"):
            run(connection)
        with pytest.raises(GuestUnreachable, match="opens no session: .*Connect failed"):
            connection.sftp.listdir()
        assert connection.alive


class Endless(Server):
    """Its commands run until they are sent a signal."""

    def __init__(self) -> None:
        super().__init__(code=None)
        self.signalled = False

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.channel = channel
        return super().check_channel_exec_request(channel, command)

    def look(self, record: logging.LogRecord) -> bool:
        """A filter of paramiko's log, for its server has no hook for this request."""
        if record.getMessage().endswith('Unhandled channel request "signal"'):
            self.signalled = True
            self.finish(self.channel, 137)
        return True


def test_a_command_that_takes_too_long_is_sent_a_signal(caplog: pytest.LogCaptureFixture) -> None:
    server = Endless()
    log = logging.getLogger("paramiko.transport")
    log.addFilter(server.look)
    with caplog.at_level(logging.DEBUG, log.name):
        with listening(serving(server)) as account, closing(wait_for_login(account, timeout=20)) as connection:
            with pytest.raises(TimedOut):
                connection.execute("ping -n 60 127.0.0.1", on_stdout=print, on_stderr=print, timeout=0.1)
    log.removeFilter(server.look)

    assert server.signalled
