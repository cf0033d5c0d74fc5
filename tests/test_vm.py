"""The guest object where its guest fails it; what a guest does is played by a server in this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import paramiko
import pytest

from pytest_smolvm.errors import BootError, GuestDied, HostKeyChanged, UsageError
from pytest_smolvm.guest.link.login import Account, wait_for_login
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import records
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.plugin.crowd import several
from pytest_smolvm.pool.pool import Pool
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Template
from pytest_smolvm.vm import SmolVM
from tests.guest.link.sshd import listening, serving

SPEC = GuestSpec(image=Path("/win11.qcow2"), ssh_password="right")


class Machine:
    """A QEMU that is reset whenever somebody asks, and never ends."""

    def __init__(self, account: Account) -> None:
        self.ssh_port = account.port
        self.monitor = SimpleNamespace(wait=self._wait, mark=int, told=lambda name, since: False)

    def check(self) -> None:
        pass

    def _wait(self, *names: str, timeout: float, since: int) -> dict[str, Any]:
        return {"event": "RESET"}


class Places:
    """A pool, and the places in it.

    :param guests: what comes up in them, one after the other; an error is raised instead.
    """

    def __init__(self, *guests: RunningGuest | BootError) -> None:
        self._guests = iter(guests)
        self.held = 0
        self.prepared = 0
        self.begun: Callable[[], object] = nothing
        """Called when a guest is to come up."""

    def reserve(self, *specs: GuestSpec) -> list[Room]:
        self.held += len(specs)
        return [Room(self) for _ in specs]

    @contextmanager
    def guest(self, snapshot: Template | None = None) -> Iterator[RunningGuest]:
        self.begun()
        guest = next(self._guests)
        if isinstance(guest, BootError):
            raise guest
        yield guest


class Room:
    """Room in it."""

    def __init__(self, pool: Places) -> None:
        self._pool = pool
        self.guest = pool.guest
        self._released = False

    def prepare(self) -> None:
        self._pool.prepared += 1

    def release(self) -> None:
        self._pool.held -= not self._released
        self._released = True


@pytest.fixture
def account() -> Iterator[Account]:
    """An account on a server that always has the same key."""
    with listening(serving()) as account:
        yield account


def started(account: Account) -> RunningGuest:
    machine: Any = Machine(account)
    return RunningGuest(machine, wait_for_login(account, timeout=20))


def smolvm(pool: Any) -> SmolVM:
    return SmolVM.of(SPEC, pool)


def test_a_revert_that_failed_can_be_tried_again(account: Account) -> None:
    failure = BootError("system", "it never answered")
    pool = Places(started(account), failure, failure, started(account))
    with smolvm(pool) as vm:
        for _ in range(2):
            with pytest.raises(BootError):
                vm.revert()
            assert 0 == pool.held
            with pytest.raises(GuestDied, match="reverting it failed"):
                vm.run("ver", shell="cmd")
        vm.revert()
        assert 0 == vm.run("ver", shell="cmd").exit_code
        assert 1 == pool.held
    assert 0 == pool.held


def test_several_come_up_side_by_side(account: Account) -> None:
    pool = Places(*[started(account) for _ in range(3)])
    meeting = threading.Barrier(3)
    pool.begun = lambda: meeting.wait(20)

    with several([SPEC] * 3, cast("Pool", pool)) as vms:
        assert [0] * 3 == [vm.run("ver", shell="cmd").exit_code for vm in vms]
        assert 3 == pool.prepared

    assert 0 == pool.held


def test_when_one_of_several_fails_the_others_go_again(account: Account) -> None:
    guests = [started(account) for _ in range(2)]
    pool = Places(guests[0], BootError("system", "it never answered"), guests[1])

    with pytest.raises(BootError, match="it never answered"), several([SPEC] * 3, cast("Pool", pool)):
        pass

    assert 0 == pool.held
    assert [False, False] == [guest.ssh is not None and guest.ssh.alive for guest in guests]


def test_only_a_guest_that_was_entered_and_not_left_can_be_reverted(account: Account) -> None:
    vm = smolvm(Places(started(account)))
    with pytest.raises(UsageError, match="with block"):
        vm.revert()
    with vm:
        pass
    with pytest.raises(UsageError, match="with block"):
        vm.revert()


def test_reboot_goes_on_with_the_same_host_key(account: Account) -> None:
    with smolvm(Places(started(account))) as vm:
        vm.reboot(timeout=20)
        assert 0 == vm.run("ver", shell="cmd").exit_code


def test_a_host_key_that_changes_with_a_reboot_is_never_trusted() -> None:
    unknown: list[paramiko.Transport] = []
    another = serving()

    def remembered(connection: socket.socket) -> paramiko.Transport:
        unknown.append(another(connection))
        return unknown[-1]

    with listening(serving(), remembered) as account:
        guest = started(account)
        with smolvm(Places(guest)) as vm:
            with pytest.raises(HostKeyChanged):
                vm.reboot(timeout=20)
            (server,) = unknown
            server.join(20)
            assert not server.is_active()
            with pytest.raises(HostKeyChanged):
                vm.run("ver", shell="cmd")


def test_what_an_image_needs_is_in_the_record_beside_it(tmp_path: Path) -> None:
    image = tmp_path / "old.qcow2"
    records.write(records.beside(image), {"guest": {"memory": 1024, "firmware": "bios"}, "account": {"user": "admin"}})
    (tmp_path / "link.qcow2").symlink_to(image)

    assert (1024, "bios", "smolvm") == tuple(
        getattr(SmolVM(image=image).spec, want) for want in ("memory", "firmware", "ssh_user")
    )
    assert SmolVM(image=image).spec.hardware == SmolVM(image=tmp_path / "link.qcow2").spec.hardware
    assert 2048 == SmolVM(image=image, memory=2048).spec.memory
