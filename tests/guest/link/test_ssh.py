"""Commands and SFTP on a connection whose server has no room yet; ending what runs too long."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from dataclasses import replace

import paramiko
import pytest

from pytest_smolvm.errors import GuestDied, GuestUnreachable, OutputLimitExceeded, TimedOut
from pytest_smolvm.guest.commands.output import Catch
from pytest_smolvm.guest.link.channels import Patience
from pytest_smolvm.guest.link.login import wait_for_login
from pytest_smolvm.guest.link.ssh import Ssh
from tests.guest.link.sshd import Server, listening, serving


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


def run(connection: Ssh, timeout: float | None = None) -> int:
    return connection.execute("exit", on_stdout=print, on_stderr=print, timeout=timeout)


def test_a_session_that_sshd_has_no_room_for_yet_is_waited_for() -> None:
    with listening(serving(Full(2))) as account, closing(wait_for_login(account, timeout=20)) as connection:
        assert 7 == run(connection)


def test_the_wait_for_a_session_counts_as_the_command_s_time() -> None:
    with listening(serving(Full(10**6))) as account, closing(wait_for_login(account, timeout=20)) as connection:
        with pytest.raises(TimedOut, match="an SSH session"):
            run(connection, timeout=0.2)


def test_an_sshd_that_never_opens_a_session_is_named() -> None:
    with (
        listening(serving(Full(10**6))) as account,
        closing(wait_for_login(replace(account, patience=Patience(room=0.2)), timeout=20)) as connection,
    ):
        with pytest.raises(GuestUnreachable, match=r"opens no session: .*Connect failed"):
            run(connection)
        with pytest.raises(GuestUnreachable, match=r"opens no session: .*Connect failed"):
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


class Chatty(Endless):
    """Its commands print something, and no signal ends them: sshd 7.7 knows none."""

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Timer(0.01, channel.sendall, [b"more than was asked for"]).start()
        return super().check_channel_exec_request(channel, command)


def test_a_command_that_printed_too_much_and_cannot_be_ended_is_told_of() -> None:
    """As one whose time is over."""
    with listening(serving(Chatty())) as account, closing(wait_for_login(account, timeout=20)) as connection:
        sinks = Catch("type big.log", None, 4).sinks
        with pytest.raises(OutputLimitExceeded) as caught:
            connection.execute("type big.log", on_stdout=sinks.stdout, on_stderr=sinks.stderr)

        assert caught.value.__notes__ == [f"It may still run: {connection.banner} did not end it when it was asked to."]


class Deaf(paramiko.SFTPServerInterface):  # type: ignore[misc]
    """One that lists no directory before it is told to."""

    asked, told = threading.Event(), threading.Event()

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
        self.asked.set()
        self.told.wait()
        return []


def test_a_guest_that_ends_while_a_transfer_waits_is_noticed_at_once() -> None:
    def check() -> None:
        if Deaf.asked.is_set():
            raise GuestDied("QEMU ended")

    with (
        listening(serving(files=Deaf)) as account,
        closing(wait_for_login(replace(account, watch=check), timeout=20)) as connection,
    ):
        with pytest.raises(GuestDied):
            connection.sftp.listdir()
        Deaf.told.set()
