"""Snapshots: what comes back, what goes on, and what is left when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_smolvm import GuestDied, SmolVM, StoreError, UsageError
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import programs
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import until
from pytest_smolvm.machine import disk
from pytest_smolvm.machine.rundir import RunDirectory
from tests.booted.conftest import MEMORY, guest_processes, pool_on
from tests.booted.test_clones import READ_PCR

NOTE = r"C:\Users\smolvm\note.txt"
GENERATION = "query-vm-generation-id"


@pytest.fixture(scope="module")
def shared(image: Path, store: Store) -> Iterator[SmolVM]:
    """The guest of all these tests."""
    pool = pool_on(store)
    with SmolVM.of(GuestSpec(image=image, memory=MEMORY), pool) as vm:
        yield vm
    pool.close()


@pytest.fixture
def vm(shared: SmolVM) -> SmolVM:
    """It, without any snapshots."""
    for snapshot in shared.snapshots():
        shared.delete_snapshot(snapshot.name)
    return shared


def states(store: Store) -> list[Path]:
    """The directories of all snapshots of this process' guests."""
    return sorted(path.parent for path in store.runs.glob(f"*-{os.getpid()}-*/*/pages.json"))


def test_memory_disk_screen_and_programs_come_back(vm: SmolVM) -> None:
    vm.write_text(NOTE, "first")
    sleeper = vm.spawn(["cmd.exe", "/c", "ping -n 1000 127.0.0.1 >nul"])
    screen = vm._running().machine.display.pixels()

    taken = vm.snapshot("before upgrade")
    vm.write_text(NOTE, "second")
    sleeper.kill()
    began = time.monotonic()
    vm.revert("before upgrade")

    assert 0 == vm.run("exit 0", shell="cmd").exit_code
    print(f"reverted, and in use, after {time.monotonic() - began:.2f} s; {taken}")
    assert "first" == vm.read_text(NOTE)
    assert sleeper.pid in {process.pid for process in vm.process_list()}
    assert screen == vm._running().machine.display.pixels()
    assert [taken] == vm.snapshots()


def test_what_is_reverted_is_a_clone_like_any_other(vm: SmolVM) -> None:
    vm.snapshot("base")
    found = []
    for _ in range(2):
        vm.revert("base")
        generation = vm._running().machine.monitor.execute(GENERATION)["guid"]
        now, random = vm.run(
            "[DateTimeOffset]::UtcNow.ToUnixTimeSeconds(); [guid]::NewGuid().ToString()", check=True
        ).lines()
        assert abs(int(now) - time.time()) < 60
        assert vm.run(READ_PCR, shell="cmd", check=True).stdout.strip().strip("0")
        found.append((generation, random))

    assert not set(found[0]) & set(found[1])


def test_they_are_a_tree(vm: SmolVM, store: Store) -> None:
    vm.write_text(NOTE, "root")
    vm.snapshot("root")
    vm.write_text(NOTE, "left")
    vm.snapshot("left")
    vm.revert("root")
    vm.write_text(NOTE, "right")
    vm.snapshot("right")

    assert [("root", None), ("left", "root"), ("right", "root")] == [(one.name, one.parent) for one in vm.snapshots()]
    vm.delete_snapshot("root")
    assert [("left", None), ("right", None)] == [(one.name, one.parent) for one in vm.snapshots()]
    for name in ("left", "right"):
        vm.revert(name)
        assert name == vm.read_text(NOTE)
    vm.delete_snapshot("left")
    vm.delete_snapshot("right")
    assert [] == states(store)


def test_a_block_is_undone(vm: SmolVM) -> None:
    vm.write_text(NOTE, "kept")
    with pytest.raises(ZeroDivisionError), vm.rollback():
        vm.remove(NOTE)
        raise ZeroDivisionError

    assert "kept" == vm.read_text(NOTE)
    assert [] == vm.snapshots()


def test_names_that_are_none(vm: SmolVM) -> None:
    vm.snapshot("taken")
    with pytest.raises(UsageError, match="already"):
        vm.snapshot("taken")
    for illegal in ("", " led", "two\nlines", "x" * 101, None):
        with pytest.raises(UsageError, match="printable"):
            vm.snapshot(illegal)  # type: ignore[arg-type]
    vm.write_text(NOTE, "still here")
    with pytest.raises(UsageError, match="no snapshot 'other'; there are 'taken'"):
        vm.revert("other")
    with pytest.raises(UsageError, match="no snapshot 'other'; there are 'taken'"):
        vm.delete_snapshot("other")

    assert "still here" == vm.read_text(NOTE)
    assert ["taken"] == [one.name for one in vm.snapshots()]


def test_a_command_goes_on_and_ends_with_its_guest(vm: SmolVM) -> None:
    with ThreadPoolExecutor(2) as beside:
        vm.write_text(NOTE, "")
        script = beside.submit(
            vm.run, f"[IO.File]::WriteAllText('{NOTE}', 'begun'); Start-Sleep 6; 'ended'", check=True
        )
        vm.wait_until(lambda: "begun" in vm.read_text(NOTE))
        vm.snapshot("meanwhile")
        assert "ended" == script.result().stdout.strip()

        endless = beside.submit(vm.run, f"echo begun again>{NOTE}&ping -n 1000 127.0.0.1", shell="cmd")
        vm.wait_until(lambda: "again" in vm.read_text(NOTE))
        vm.revert("meanwhile")
        with pytest.raises(GuestDied, match="the guest was reverted meanwhile"):
            endless.result(60)

    for _ in range(2):  # also where a process of the resident still has that script
        assert "1" == vm.run("1", timeout=120).stdout.strip()


def test_a_guest_without_a_network(vm: SmolVM) -> None:
    monitor = vm._running().machine.monitor
    vm.write_text(NOTE, "before")
    monitor.execute("set_link", name="net", up=False)
    vm.snapshot("unplugged")
    monitor.execute("set_link", name="net", up=True)

    assert "before" == vm.read_text(NOTE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_the_store_is_full(vm: SmolVM, store: Store) -> None:
    vm.write_text(NOTE, "before")
    vm.snapshot("whole")
    (whole,) = states(store)
    place = whole.parent
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=12M", "tmpfs", place], check=True)
    try:
        with pytest.raises(StoreError, match="is full; pytest-smolvm prune"):
            vm.snapshot("half")
        assert [] == list(place.iterdir())
    finally:
        subprocess.run(["umount", "-l", place], check=True)

    assert "before" == vm.read_text(NOTE)
    assert ["whole"] == [one.name for one in vm.snapshots()]
    vm.snapshot("half")
    vm.revert("half")
    assert "before" == vm.read_text(NOTE)


def test_a_guest_that_dies_can_be_reverted(vm: SmolVM, store: Store) -> None:
    vm.snapshot("alive")
    child = vm._running().machine.child
    child.kill()
    programs.await_end(child, 30.0)
    with pytest.raises(GuestDied):
        vm.snapshot("dead")

    assert 1 == len(states(store))
    vm.revert("alive")
    assert 0 == vm.run("exit 0", shell="cmd").exit_code


KILLED = f"""
import sys
from pathlib import Path
from pytest_smolvm import SmolVM
with SmolVM(image=sys.argv[1], memory={MEMORY}) as vm:
    vm.write_bytes(r"C:\\Users\\smolvm\\many.bin", bytes(range(256)) * 100_000)
    Path(sys.argv[2]).touch()
    for number in range(1000):
        vm.snapshot(str(number))
"""


def test_nothing_is_left_of_a_killed_one(image: Path, calm_store: Store, tmp_path: Path) -> None:
    begun, runs = tmp_path / "begun", calm_store.runs
    environ = {**os.environ, "SMOLVM_STORE": str(calm_store.root)}
    with subprocess.Popen([sys.executable, "-c", KILLED, image, begun], env=environ) as process:
        try:
            until("its snapshots", begun.exists, timeout=120)
            until("a half-made one", lambda: list(runs.glob("*/*/state")), timeout=60, interval=0.001)
        finally:
            process.kill()
    until("the end of its guest", lambda: not guest_processes(calm_store.root), timeout=10)
    calm_store.reap()

    assert [] == list(runs.iterdir())


def test_a_kept_disk_needs_none(image: Path, store: Store, tmp_path: Path) -> None:
    kept = store.kept / f"test-{os.getpid()}"
    with SmolVM.of(GuestSpec(image=image, memory=MEMORY), pool_on(store)) as vm:
        vm.write_text(NOTE, "first")
        vm.snapshot("one")
        vm.revert("one")
        vm.keep(kept)
        vm.snapshot("two")
    try:
        assert not [path for path in disk.bases(RunDirectory(kept).disk) if store.runs in path.parents]
        disk.inspect(RunDirectory(kept).disk)
    finally:
        subprocess.run(["rm", "-r", kept], check=True)


@pytest.mark.slow
def test_they_survive_a_restart(vm: SmolVM) -> None:
    vm.write_text(NOTE, "first")
    vm.snapshot("before")
    vm.reboot()
    vm.write_text(NOTE, "second")
    vm.snapshot("after")
    for name, text in (("before", "first"), ("after", "second"), ("before", "first")):
        vm.revert(name)
        assert text == vm.read_text(NOTE)
        assert "1" == vm.run("1", check=True).stdout.strip()


@pytest.mark.slow
def test_sixty_of_them_one_on_another(vm: SmolVM) -> None:
    vm.revert()
    for number in range(60):
        vm.write_text(NOTE, str(number))
        vm.snapshot(str(number))
        vm.revert(str(number))

    for number in (59, 0, 30):
        vm.revert(str(number))
        assert str(number) == vm.read_text(NOTE)
