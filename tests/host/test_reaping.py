"""What dead processes left in a store goes; what the living own, and what is nobody's of us, stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_smolvm.host.liveness import pid
from pytest_smolvm.host.store import GUEST_NAME, Store
from pytest_smolvm.host.waiting import until

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="a namespace needs root")
# Owns a run directory, a lease and a half-made template, says so, and lives until its input ends.
OWNER = """
import sys
from pathlib import Path
from pytest_smolvm.host.liveness import pid
from pytest_smolvm.host.store import Store

store = Store.at(Path(sys.argv[1]))
with store.run_directory() as directory:
    lease = store.leases / store.owners.new_name()
    lease.touch()
    aside = store.aside(store.templates / "key")
    aside.mkdir()
    print(directory, lease, aside, sep="\\n", flush=True)
    sys.stdin.read()
"""
REAP = """
import sys
from pathlib import Path
from pytest_smolvm.host.liveness import pid
from pytest_smolvm.host.store import Store

print(Store.at(Path(sys.argv[1])).reap())
"""
NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc")


@pytest.fixture(name="store", params=["store", "a, store=1"])
def _store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store.at(tmp_path / str(request.param))


@contextmanager
def living(store: Store, *prefix: str) -> Iterator[tuple[subprocess.Popen[str], list[Path]]]:
    """A process that owns three things, and these."""
    command = [*prefix, sys.executable, "-c", OWNER, str(store.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        yield owner, [Path(owner.stdout.readline().strip()) for _ in range(3)]
        owner.kill()


def reaped(store: Store, *prefix: str) -> int:
    """How many things another process clears."""
    command = [*prefix, sys.executable, "-c", REAP, str(store.root)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize(
    "name",
    [
        "2022-standard-eval.qcow2",
        "11-24h2-pro.qcow2",
        "11-24h2-pro.qcow2.json",
        "10-22H2-x64.v3.qcow2",
        "4711-1234567-0f3c9a7b.d41c5512.qcow2",
        "smolvm-win11-pro-x64.qcow2",
        ".hidden.qcow2",
    ],
)
def test_images_stay_whatever_they_are_called(store: Store, name: str) -> None:
    image = store.images / name
    image.write_bytes(b"20 GB and an hour's work")
    (store.templates / name).mkdir()

    assert 0 == store.reap()

    assert image.exists()
    assert (store.templates / name).is_dir()


@pytest.mark.parametrize(("kind", "stays"), [("nfs4", True), ("fuse.sshfs", True), ("ext4", False)])
def test_what_may_be_another_hosts_stays(store: Store, kind: str, stays: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its locks may be known there only. The outermost edge: this host has no such file system."""
    monkeypatch.setattr("pytest_smolvm.host.proc.file_system", lambda _path: kind)
    theirs = store.runs / f"smolvm-00000000-4711-{'0' * 16}.0123abcd"
    theirs.mkdir()

    assert (not stays) == store.reap()
    assert stays == theirs.exists()


def test_what_the_living_own_stays_and_goes_when_they_have_died(store: Store) -> None:
    with living(store) as (owner, things):
        assert 0 == store.reap()
        assert all(thing.exists() for thing in things)
        owner.kill()
        owner.wait()
        assert len(things) == store.reap()
        assert not any(thing.exists() for thing in things)
    assert [] == list((store.root / "owners").iterdir())


def test_what_we_own_ourselves_stays(store: Store) -> None:
    with store.run_directory() as directory:
        assert 0 == Store.at(store.root).reap()
        assert 0 == reaped(store)
        assert directory.exists()


FORKING = """
import os, sys
from pathlib import Path
from pytest_smolvm.host.store import Store

with Store.at(Path(sys.argv[1])).run_directory() as directory:
    child = os.fork()
    if not child:
        sys.exit()
    os.waitpid(child, 0)
    print(directory.exists())
"""


def test_a_forked_child_that_ends_like_any_process_clears_nothing_of_its_parents(store: Store) -> None:
    done = subprocess.run([sys.executable, "-c", FORKING, store.root], capture_output=True, text=True, check=True)

    assert "True\n" == done.stdout


INTERRUPTED = """
import sys
from pathlib import Path
from pytest_smolvm.host.store import Store

store = Store.at(Path(sys.argv[1]))
pressed = 0

def press(event, _):
    global pressed
    if event == "os.remove" and not pressed:
        pressed += 1
        raise KeyboardInterrupt

with store.run_directory() as directory:
    store.aside(store.templates / "key").mkdir()
    lease = store.leases / store.owners.new_name()
    lease.touch()
    (directory / "disk.qcow2").touch()
    sys.addaudithook(press)
"""


def test_who_is_interrupted_while_he_clears_up_leaves_nothing_all_the_same(store: Store) -> None:
    """As by a second Ctrl-C, here while the first file of a directory is removed."""
    with living(store) as (_, theirs):
        done = subprocess.run(
            [sys.executable, "-c", INTERRUPTED, store.root], capture_output=True, text=True, check=False
        )
        assert "KeyboardInterrupt" in done.stderr
        left = [path for place in (store.runs, store.leases, store.templates) for path in place.iterdir()]

        assert set(theirs) == set(left)


@AS_ROOT
def test_what_the_living_in_another_container_own_stays(store: Store) -> None:
    """Their numbers mean nothing here, nor ours there."""
    with living(store, *NAMESPACE) as (owner, things), store.run_directory() as directory:
        assert 0 == store.reap()
        assert 0 == reaped(store, *NAMESPACE)
        assert all(thing.exists() for thing in [*things, directory])
        assert owner.stdin is not None
        owner.kill()  # unshare; --fork leaves its child, which the end of the pipe ends
        owner.stdin.close()


def test_a_forked_child_is_another_owner_and_keeps_nothing_of_its_parents(store: Store) -> None:
    """A child that outlives its parent must not make the parent's things look like a living process'."""
    reading, writing = os.pipe()
    parent = os.fork()
    if not parent:
        with store.run_directory():
            if not os.fork():
                os.write(writing, store.owners.me().encode())
                signal.pause()
            os._exit(0)
    child = os.read(reading, 200).decode()
    os.waitpid(parent, 0)
    try:
        assert store.owners.alive(child)
        assert 1 == store.reap()
        assert store.owners.alive(child)
    finally:
        os.kill(pid(child), signal.SIGKILL)


@pytest.fixture(name="guest")
def _guest(store: Store, tmp_path: Path) -> Iterator[Path]:
    """A run directory whose owner has died."""
    with living(store) as (owner, things):
        owner.kill()
        owner.wait()
        yield things[0]


@contextmanager
def process(*words: str | Path, called: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """One that waits, under another program's name."""
    program = [called, "-c", "import time; time.sleep(60)", *words]
    with subprocess.Popen(program, executable=sys.executable, cwd=cwd) as child:
        # Popen returns while the kernel has not set it up yet.
        until("its command line", Path(f"/proc/{child.pid}/cmdline").read_bytes, timeout=30)
        yield child
        child.kill()


def test_bystanders_are_spared(store: Store, guest: Path) -> None:
    drive = f"file={guest}/disk.qcow2".replace(",", ",,")
    (guest / "tpm").mkdir()
    with (
        process(guest / "serial.log", called="tail") as reader,
        process("-drive", drive, called="qemu-system-x86_64") as somebodys_qemu,
        process("-name", GUEST_NAME, drive, called="/usr/bin/qemu-system-x86_64") as ours,
        process("dir=.", called="/usr/bin/swtpm", cwd=guest / "tpm") as tpm,
    ):
        store.reap()

        assert -9 == ours.wait(10)
        assert -9 == tpm.wait(10)
        assert reader.poll() is None
        assert somebodys_qemu.poll() is None


def test_what_was_half_written_goes_when_nobody_can_be_writing_it_any_more(store: Store) -> None:
    """A record, and the file by which it is tried whether the store can be written."""
    ours = [
        store.root / f".probe-{'0a' * 16}",
        store.root / "accelerator.json.0123abcd.new",
        store.images / "win11.qcow2.json.0123abcd.new",
        store.locks / "template-1.failure.json.0123abcd.new",
    ]
    theirs = [store.images / name for name in ("win11.new", "win11.json.new", ".probe-mine")]
    for path in (*ours, *theirs):
        path.touch()

    assert 0 == store.reap()
    for path in (*ours, *theirs):
        os.utime(path, (1e9, 1e9))
    assert len(ours) == store.reap()

    assert [True] * len(theirs) == [path.exists() for path in theirs]
    assert not any(path.exists() for path in ours)
