"""Logging in to servers that are not ready, refuse, or are others."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import paramiko
import pytest

from pytest_smolvm.errors import GuestDied, HostKeyChanged, LoginError, TimedOut
from pytest_smolvm.guest.link.channels import Patience
from pytest_smolvm.guest.link.login import Account, wait_for_login
from tests.guest.link.sshd import Server, listening, reset, serving


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


def test_a_login_that_is_not_answered_is_no_refusal(silence: threading.Event) -> None:
    silent = serving(Dropping(silence))
    with listening(silent, silent, silent, serving()) as account:
        hasty = replace(account, patience=Patience(answer=0.5, pause=0.0))
        with closing(wait_for_login(hasty, timeout=20)) as connection:
            assert connection.alive


def test_what_kept_failing_is_said_when_time_is_up() -> None:
    with listening(reset) as account, pytest.raises(TimedOut, match="last seen: the SSH handshake failed: "):
        wait_for_login(account, timeout=0.5)


def test_what_a_server_says_that_lets_nobody_in_now_is_said_when_time_is_up() -> None:
    """sshd says it in place of its banner: for penalties (since 9.8), and for too many clients that come at once."""

    def turned_away(connection: socket.socket) -> None:
        connection.sendall(b"Not allowed at this time\r\n")
        connection.close()

    with listening(turned_away) as account, pytest.raises(TimedOut, match="last seen: Not allowed at this time"):
        wait_for_login(account, timeout=0.5)
    with listening(turned_away, turned_away, serving()) as account:
        with closing(wait_for_login(account, timeout=20)) as connection:
            assert connection.alive


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


class Knowing(Server):
    """It lets in one user, and notes who has asked."""

    def __init__(self, user: str) -> None:
        super().__init__()
        self.user = user
        self.asked: list[str] = []

    def check_auth_password(self, username: str, password: str) -> int:
        self.asked.append(username)
        return int(paramiko.AUTH_SUCCESSFUL if (username, password) == (self.user, "public") else paramiko.AUTH_FAILED)


def public(account: Account) -> Account:
    return replace(account, password="public", others=(("celesto", "public"),))


def test_an_account_that_is_known_is_tried_where_the_first_is_refused() -> None:
    """And first by whoever comes to the same guest, or to another clone of its image."""
    knowing = Knowing("celesto")
    with listening(serving(knowing)) as account:
        for _ in range(2):
            with closing(wait_for_login(public(account), timeout=20)) as connection:
                assert connection.alive

    assert ["smolvm", "celesto", "celesto"] == knowing.asked


def test_all_are_refused_in_the_name_of_the_first() -> None:
    """Each is asked for twice, since account services may still be starting."""
    knowing = Knowing("somebody")
    with listening(serving(knowing)) as account, pytest.raises(LoginError, match="refused to log in 'smolvm'"):
        wait_for_login(public(account), timeout=20)

    assert ["smolvm", "celesto", "smolvm", "celesto"] == knowing.asked


def test_nobody_else_is_tried_where_an_account_was_chosen() -> None:
    knowing = Knowing("celesto")
    with listening(serving(knowing)) as account, pytest.raises(LoginError):
        wait_for_login(account, timeout=20)

    assert {"smolvm"} == set(knowing.asked)
