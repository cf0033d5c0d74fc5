"""Spares as those see them who ask for guests: another process makes them, with a program in QEMU's place."""

from __future__ import annotations

import builtins
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import BootError, GuestDied
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import proc
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import until
from pytest_smolvm.pool.nursery import State
from pytest_smolvm.pool.pool import Pool
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.starting import attempt
from pytest_smolvm.pool.templates import Template
from pytest_smolvm.vm import SmolVM
from tests.pool.conftest import ROOT

PATIENCE = 60.0


@pytest.fixture(name="pool")
def _pool(inhabited: Site, template: Template) -> Iterator[Pool]:
    pool = Pool(inhabited.store, inhabited.hypervisor, inhabited.progress)
    yield pool
    pool.close()
    assert [] == [*pool.store.leases.iterdir(), *pool.store.runs.iterdir()]
    assert [] == guests(pool.store)


def guests(store: Store) -> list[int]:
    """The processes of guests in a store."""
    return [pid for pid, words in proc.commands() if any(str(store.runs) in word for word in words)]


def ready(pool: Pool, spec: GuestSpec) -> int:
    """A spare is there; its QEMU's process."""
    pool.expect(spec)
    assert State.READY is pool.spares.wait(PATIENCE)
    (lease,) = (path.name for path in pool.store.leases.iterdir() if ".spare_" in path.name)
    return int(lease.rpartition("_")[2].partition("-")[0])


def test_a_spare_is_handed_over_with_its_room(pool: Pool, guest_spec: GuestSpec) -> None:
    qemu = ready(pool, guest_spec)

    with SmolVM.of(guest_spec, pool) as vm:
        machine = vm._running().machine
        assert qemu == machine.child.pid
        assert 0 == vm.run("ver", shell="cmd").exit_code
        assert 1 == (machine.files.path / "logins").read_text().count("login")  # the connection goes on, too
        (lease,) = pool.store.leases.iterdir()
        assert lease.name.startswith(pool.store.owners.me())
        assert State.GONE is pool.spares.wait(0)

    assert -signal.SIGKILL == machine.child.returncode
    assert [] == list(pool.store.leases.iterdir())


def used_and_closed_in_a_forked_child(vm: SmolVM) -> int:
    """As where a test forks, and pytest goes on in the child, too, until it ends.

    :returns: how the child ends: with what its command does.
    """
    child = os.fork()
    if not child:
        code = 1
        try:
            code = vm.run("ver", shell="cmd").exit_code
            vm.close()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("spare", [True, False])
def test_what_a_forked_child_closes_is_its_parents_all_the_same(pool: Pool, guest_spec: GuestSpec, spare: bool) -> None:
    if spare:
        ready(pool, guest_spec)
    with SmolVM.of(guest_spec, pool) as vm:
        machine = vm._running().machine

        assert 0 == used_and_closed_in_a_forked_child(vm)

        assert machine.child.poll() is None
        assert machine.files.path.exists()
        assert 1 == len(list(pool.store.leases.iterdir()))
        assert 0 == vm.run("ver", shell="cmd").exit_code


def test_whoever_wants_one_in_the_making_waits_for_it(pool: Pool, guest_spec: GuestSpec) -> None:
    pool.expect(guest_spec.having(env_vars={"A": "1"}))  # which is applied when it is handed over

    (room,) = pool.reserve(guest_spec)

    with room.guest() as guest:
        assert os.getpid() == parent(parent(guest.machine.child.pid))
    room.release()


def parent(pid: int) -> int:
    """Who has started a process."""
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])


def test_what_is_to_be_kept_of_one_is_kept(pool: Pool, guest_spec: GuestSpec, template: Template) -> None:
    for disk in (template.files.blank_disk, template.files.blank_variables):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"], check=True)
    ready(pool, guest_spec)
    place = pool.store.kept / "guest"

    with SmolVM.of(guest_spec, pool) as vm:
        machine = vm._running().machine
        vm.keep(place)

    assert 0 == machine.child.returncode  # asked by its monitor, not killed
    assert {"disk.qcow2", "qemu.log"} <= {path.name for path in place.iterdir()}


def test_one_that_does_not_suit_makes_way(pool: Pool, guest_spec: GuestSpec) -> None:
    ready(pool, guest_spec)

    (room,) = pool.reserve(guest_spec.having(cpus=1))

    assert State.GONE is pool.spares.wait(0)
    room.release()
    until("its end", lambda: not guests(pool.store), timeout=PATIENCE)


def test_one_whose_room_was_taken_away_is_not_handed_over(pool: Pool, guest_spec: GuestSpec) -> None:
    qemu = ready(pool, guest_spec)
    (lease,) = pool.store.leases.iterdir()
    lease.unlink()

    with SmolVM.of(guest_spec, pool) as vm:
        assert qemu != vm._running().machine.child.pid


def test_one_that_is_gone_is_made_again(pool: Pool, guest_spec: GuestSpec) -> None:
    qemu = ready(pool, guest_spec)
    os.kill(qemu, signal.SIGKILL)
    until("its end", lambda: not guests(pool.store), timeout=PATIENCE)
    until("its room", lambda: not list(pool.store.leases.iterdir()), timeout=PATIENCE)

    assert qemu != ready(pool, guest_spec)


def test_one_whose_connection_has_ended_is_logged_in_to(pool: Pool, guest_spec: GuestSpec) -> None:
    qemu = ready(pool, guest_spec)
    os.kill(qemu, signal.SIGUSR1)  # which has it end all connections

    with SmolVM.of(guest_spec, pool) as vm:
        assert qemu == vm._running().machine.child.pid
        assert 0 == vm.run("ver", shell="cmd").exit_code


def test_the_end_of_one_in_use_is_told_as_any_guests_end(pool: Pool, guest_spec: GuestSpec) -> None:
    qemu = ready(pool, guest_spec)
    with SmolVM.of(guest_spec, pool) as vm:
        os.kill(qemu, signal.SIGKILL)
        until("its end", lambda: vm._running().machine.child.poll() is not None, timeout=PATIENCE)

        with pytest.raises(GuestDied, match="QEMU ended with -9"):
            vm._running().machine.check()


def test_one_in_use_outlives_the_pool(pool: Pool, guest_spec: GuestSpec) -> None:
    ready(pool, guest_spec)
    (room,) = pool.reserve(guest_spec)

    pool.close()

    with room.guest() as guest:
        guest.machine.check()
    room.release()


def test_one_that_nobody_uses_in_the_end(pool: Pool, guest_spec: GuestSpec) -> None:
    ready(pool, guest_spec)
    (room,) = pool.reserve(guest_spec)

    room.release()

    assert [] == list(pool.store.leases.iterdir())


def test_a_guest_goes_with_who_made_it_and_another_is_made(pool: Pool, guest_spec: GuestSpec) -> None:
    qemu = ready(pool, guest_spec)
    maker = parent(qemu)
    with SmolVM.of(guest_spec, pool) as vm:
        os.kill(maker, signal.SIGKILL)
        until("its end", lambda: vm._running().machine.child.poll() is not None, timeout=PATIENCE)

    assert [] == [*pool.store.runs.iterdir(), *pool.store.leases.iterdir()]
    assert maker != parent(ready(pool, guest_spec))


def test_a_forked_child_leaves_its_parents_spare_alone(pool: Pool, guest_spec: GuestSpec) -> None:
    qemu = ready(pool, guest_spec)

    child = os.fork()
    if not child:
        done = 1
        try:
            assert State.GONE is pool.spares.wait(0)
            (room,) = pool.reserve(guest_spec)  # has room of its own
            room.release()
            pool.close()
            done = 0
        finally:
            os._exit(done)
    assert (child, 0) == os.waitpid(child, 0)

    with SmolVM.of(guest_spec, pool) as vm:
        assert qemu == vm._running().machine.child.pid


def test_what_goes_wrong_with_one_is_in_nobodys_log(
    pool: Pool, guest_spec: GuestSpec, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wrong = guest_spec.having(memory=512)  # there is no template for it

    pool.expect(wrong)

    assert State.GONE is pool.spares.wait(PATIENCE)
    assert [] == caplog.records


def test_none_is_made_of_what_has_failed(pool: Pool, guest_spec: GuestSpec) -> None:
    with pytest.raises(BootError), pool.site.failures.noted(attempt(guest_spec, pool.site)):
        raise BootError("ssh", "no login")

    pool.expect(guest_spec)

    assert State.GONE is pool.spares.wait(0)


KILLED = """
import os, sys
from pathlib import Path
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.pool.pool import Pool
from pytest_smolvm.vm import SmolVM

store, binary, image, password = sys.argv[1:]
pool = Pool(Store.at(Path(store)), Hypervisor(binary, "7.2.22", Accelerator("tcg", "Westmere", "")), Silent())
spec = GuestSpec(image=Path(image), memory=256, ssh_password=password, network="host")
pool.expect(spec)
pool.spares.wait(60)
with SmolVM.of(spec, pool) as vm:
    pool.expect(spec)
    pool.spares.wait(60)
    print(vm._running().machine.child.pid, flush=True)
    sys.stdin.read()
"""


def test_all_of_them_go_with_a_killed_process(inhabited: Site, template: Template, guest_spec: GuestSpec) -> None:
    store = inhabited.store
    words = [str(store.root), inhabited.hypervisor.binary, str(guest_spec.image), str(guest_spec.ssh_password)]
    command = [sys.executable, "-c", KILLED, *words]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert int(run.stdout.readline()) in guests(store)
        assert 2 == len(list(store.runs.iterdir()))
        run.kill()

    until("the end of all guests", lambda: not guests(store), timeout=5)
    store.reap()
    assert [] == [*store.runs.iterdir(), *store.leases.iterdir()]


def recording(calls: list[str], module: Any, name: str, others: Container[threading.Thread]) -> Callable[..., Any]:
    """What a test puts in a function's place: it notes the call and fails, but for the threads `others`."""
    real = getattr(module, name)

    def fake(*args: Any, **named: Any) -> Any:
        if threading.current_thread() in others:
            return real(*args, **named)
        calls.append(f"{module.__name__}.{name}{args}")
        raise OSError(name)

    return fake


def test_what_a_test_makes_of_its_process_and_a_spare_do_not_meet(
    pool: Pool, guest_spec: GuestSpec, tmp_path: Path
) -> None:
    calls: list[str] = []
    places: list[tuple[Any, str]] = [
        (subprocess, "Popen"),
        (socket, "socket"),
        (socket, "create_connection"),
        (builtins, "open"),
        (os, "open"),
        (os, "listdir"),
        (time, "sleep"),
        (time, "monotonic"),
        (time, "time"),
    ]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "empty").mkdir()
    others = {*threading.enumerate()} - {threading.main_thread()}  # of other tests, whose connections end when they end
    pool.expect(guest_spec)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path / "elsewhere")
        patched.setenv("PATH", str(tmp_path / "empty"))
        for name in list(os.environ):
            patched.delenv(name)
        for module, name in places:
            patched.setattr(module, name, recording(calls, module, name, others))
        state = pool.spares.wait(PATIENCE)  # as somebody who looks at what has been said, not who goes on

    assert [] == calls
    assert State.READY is state
    with SmolVM.of(guest_spec, pool) as vm:
        assert 0 == vm.run("ver", shell="cmd").exit_code
