"""The way into a guest: lent, renewed, counted, and never to another server than the first."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.errors import BootError, GuestDied, GuestUnreachable, HostKeyChanged
from pytest_smolvm.guest.link.access import Access
from pytest_smolvm.guest.link.login import Account, wait_for_login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import clock
from pytest_smolvm.machine.rundir import RunDirectory
from tests.guest.link.sshd import Behaviour, listening, serving

SPEC = GuestSpec(image=Path("/win11.qcow2"), ssh_password="right")


class Machine:
    """One without QEMU.

    :param port: where its guest's SSH server is.
    """

    log_tail = ""

    def __init__(self, port: int) -> None:
        self.ssh_port = port
        self.died = False
        self.files = RunDirectory(Path("/nonexistent"))
        self.reset = 0.0
        """When it was reset last, in seconds since 1970."""
        self.monitor = SimpleNamespace(told=lambda name, since: self.reset >= since)

    def check(self) -> None:
        if self.died:
            raise GuestDied("QEMU ended")


def silent(connection: socket.socket) -> socket.socket:
    """A server that accepts and is never heard of again."""
    return connection


def greeting_only(connection: socket.socket) -> socket.socket:
    """A server that says its name and no more."""
    connection.sendall(b"SSH-2.0-OpenSSH_for_Windows_9.5\r\n")
    return connection


@pytest.fixture
def account() -> Iterator[Account]:
    """An account on a server that always has the same key."""
    with listening(serving()) as account:
        yield account


def access(machine: Any, welcome: Callable[[Ssh], bool] = lambda _: False, first: Ssh | None = None) -> Access:
    return Access(machine, SPEC, first, welcome)


def alive(ssh: Ssh) -> bool:
    return ssh.alive  # a function, since mypy takes a property for something that stays


def test_the_first_connection_is_made_when_it_is_needed_and_welcomed_once(account: Account) -> None:
    welcomed: list[Ssh] = []

    def welcome(ssh: Ssh) -> bool:
        welcomed.append(ssh)
        return False

    way = access(Machine(account.port), welcome)
    assert [] == welcomed

    with way.using() as one:
        pass
    with way.using() as two:
        pass

    assert one is two
    assert [one] == welcomed
    way.close()


def test_a_welcome_that_only_a_new_connection_sees_brings_one(account: Account) -> None:
    first = wait_for_login(account, timeout=20)
    way = access(Machine(account.port), lambda _: True, first)

    with way.using() as ssh:
        assert ssh is not first
        assert not first.alive
    way.close()


def test_a_connection_in_use_outlives_its_renewal(account: Account) -> None:
    way = access(Machine(account.port))
    with way.using() as old:
        with way.using():
            way.renew()
        assert alive(old)
        with way.using() as new:
            assert new is not old
    assert not alive(old)
    assert alive(new)
    way.close()
    assert not alive(new)


def test_a_connection_that_broke_is_made_anew(account: Account) -> None:
    way = access(Machine(account.port))
    with way.using() as broken:
        pass
    broken.close()

    with way.using() as ssh:
        assert ssh.alive
    way.close()


@pytest.mark.parametrize("resets", [False, True])
def test_a_failure_is_told_with_a_restart_that_nobody_asked_for(account: Account, resets: bool) -> None:
    machine = Machine(account.port)
    way = access(machine)
    with pytest.raises(GuestUnreachable) as caught, way.using():
        machine.reset = clock.utc() if resets else 0.0
        raise GuestUnreachable("broke")

    assert resets == any("its system has crashed" in note for note in getattr(caught.value, "__notes__", []))
    way.close()


@pytest.mark.parametrize("silence", [silent, greeting_only], ids=["says nothing", "says only its name"])
def test_a_time_out_is_kept_also_by_a_guest_that_was_there_before(silence: Behaviour) -> None:
    with listening(serving(), silence) as account:
        way = access(Machine(account.port))
        way.connect().close()
        began = clock.now()

        with pytest.raises(BootError, match=r"no login over SSH within 0\.5 s"):
            way.connect(timeout=0.5)

        assert clock.now() - began < 20
        way.close()


def test_a_time_out_is_kept_while_another_thread_connects() -> None:
    with listening(silent) as account:
        way = access(Machine(account.port))
        entered = threading.Event()

        def hold() -> None:
            with way.alone():
                entered.set()
                released.wait(20)

        released = threading.Event()
        other = threading.Thread(target=hold)
        other.start()
        entered.wait(20)

        with pytest.raises(BootError, match="another thread waits"):
            way.connect(timeout=0.1)
        released.set()
        other.join()


def test_a_guest_that_restarts_by_itself_has_as_long_as_one_that_boots() -> None:
    with listening(serving(), silent) as account:
        machine = Machine(account.port)
        way = Access(machine, replace(SPEC, boot_timeout=0.5), None, lambda _: False)  # type: ignore[arg-type]
        way.connect().close()
        machine.reset = clock.utc()
        began = clock.now()

        with pytest.raises(BootError, match=r"within 0\.5 s"), way.using():
            pass

        assert clock.now() - began < 20
        way.close()


def test_after_a_restart_that_nobody_was_told_of_all_goes_on(account: Account) -> None:
    machine, restarts = Machine(account.port), list[bool]()
    way = Access(machine, SPEC, None, lambda _: False, on_restart=lambda: restarts.append(True))  # type: ignore[arg-type]
    with way.using() as before:
        pass
    machine.reset = clock.utc()  # and the old connection looks as if it stood

    with way.using() as after:
        pass
    with way.using() as later:
        pass

    assert not before.alive
    assert after.alive
    assert after is later
    assert [True] == restarts
    way.close()


def test_a_guest_that_ended_is_told_as_that(account: Account) -> None:
    machine = Machine(account.port)
    way = access(machine)
    with pytest.raises(GuestDied, match="QEMU ended"), way.using():
        machine.died = True
        raise GuestUnreachable("broke")
    way.close()


def test_a_guest_that_was_thrown_away_lends_nothing(account: Account) -> None:
    way = access(Machine(account.port))
    with way.using() as ssh:
        way.close()
        assert not ssh.alive

    with pytest.raises(GuestDied, match="thrown away"), way.using():
        pass


def test_another_server_gets_no_password() -> None:
    with listening(serving(), serving()) as account:
        way = access(Machine(account.port))
        way.connect()

        with pytest.raises(HostKeyChanged):
            way.renew()
        way.close()


def test_alone_others_wait(account: Account) -> None:
    way = access(Machine(account.port))
    way.connect()
    lent = threading.Event()

    def use() -> None:
        with way.using():
            lent.set()

    other = threading.Thread(target=use)
    with way.alone():
        other.start()
        assert not lent.wait(0.2)
    other.join(20)
    assert lent.is_set()
    way.close()


def test_how_the_first_login_fails_is_noted_unless_it_was_given_less_time() -> None:
    noted: list[BootError] = []

    @contextmanager
    def arriving() -> Iterator[None]:
        try:
            yield
        except BootError as exc:
            noted.append(exc)
            raise

    with socket.create_server(("127.0.0.1", 0)) as nobody:
        machine: Any = Machine(nobody.getsockname()[1])
    access = Access(machine, SPEC.having(boot_timeout=0.3), None, lambda ssh: False, arriving=arriving)

    with pytest.raises(BootError):
        access.connect(0.1)
    assert [] == noted
    with pytest.raises(BootError):
        access.connect()
    assert 1 == len(noted)
