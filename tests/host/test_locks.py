"""Locks between processes, and what is said to whoever waits."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import pytest

from pytest_smolvm.host import owner
from pytest_smolvm.host.locks import LockBusy, exclusive, holder
from pytest_smolvm.host.waiting import until
from tests.frozen import frozen


def test_whoever_waits_is_told_for_whom_and_for_how_long(tmp_path: Path) -> None:
    lock, waiting, done = tmp_path / "lock", threading.Event(), threading.Event()
    told: list[str] = []

    @contextmanager
    def telling(who: str) -> Iterator[None]:
        told.append(who)
        waiting.set()
        yield
        told.append("over")

    def wait() -> None:
        with exclusive(lock, while_waiting=telling):
            done.set()

    waiter = threading.Thread(target=wait)
    with exclusive(lock):
        waiter.start()
        assert waiting.wait(5)
        assert not done.is_set()
    waiter.join()

    assert [f"process {os.getpid()}", "over"] == told


@pytest.mark.parametrize("again", [False, True])
def test_a_lock_on_a_file_that_is_gone_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool) -> None:
    """As where another environment has a filelock that removes the file when it gives a lock back."""
    path, acquire = tmp_path / "lock", filelock.FileLock.acquire
    acquired: list[filelock.FileLock] = []

    def acquire_late(lock: filelock.FileLock, *how: Any, **more: Any) -> Any:
        proxy = acquire(lock, *how, **more)
        if not acquired:
            path.unlink()
            if again:
                path.touch()
        acquired.append(lock)
        return proxy

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire_late)  # the outermost edge: nobody is so quick
    with exclusive(path), open(path, "ab") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    assert 2 == len(acquired)


def test_a_holder_that_notes_its_name_a_moment_later(tmp_path: Path) -> None:
    """As the first of two processes does that begin at the same time."""
    lock = tmp_path / "lock"
    told: list[str] = []

    @contextmanager
    def telling(who: str) -> Iterator[None]:
        told.append(who)
        yield

    def wait() -> None:
        with exclusive(lock, while_waiting=telling):
            pass

    waiter = threading.Thread(target=wait)
    naming = threading.Timer(0.2, lambda: lock.with_name("lock.holder").write_text(owner.of(os.getppid())))
    with filelock.FileLock(lock):
        naming.start()
        waiter.start()
        until("what is told", lambda: told, timeout=5)
    waiter.join()

    assert [f"process {os.getppid()}"] == told


def test_nobody_is_told_of_a_lock_that_is_free(tmp_path: Path) -> None:
    told: list[str] = []

    @contextmanager
    def telling(who: str) -> Iterator[None]:
        told.append(who)
        yield

    with exclusive(tmp_path / "lock", while_waiting=telling):
        pass

    assert not told


def test_a_lock_that_is_not_free_in_time(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "lock"),
        pytest.raises(LockBusy) as caught,
        exclusive(tmp_path / "lock", timeout=0),
    ):
        pass

    assert f"process {os.getpid()}" == caught.value.holder


def test_the_holder_of_a_lock_nobody_has_had(tmp_path: Path) -> None:
    assert "another process" == holder(tmp_path / "lock")


def test_nobody_has_a_lock_when_its_holder_has_left_it_or_was_killed(tmp_path: Path) -> None:
    with exclusive(tmp_path / "left"):
        pass
    assert "another process" == holder(tmp_path / "left")

    script = "import os, sys; from pathlib import Path; from pytest_smolvm.host.locks import exclusive\nwith exclusive(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    killed = subprocess.run([sys.executable, "-c", script, tmp_path / "lock"], check=False)
    assert -signal.SIGKILL == killed.returncode
    assert (tmp_path / "lock.holder").exists()
    assert "another process" == holder(tmp_path / "lock")


def test_a_lock_that_is_not_waited_for_is_not_waited_for_while_time_stands_still(tmp_path: Path) -> None:
    """As in a test whose clock is stopped."""
    with exclusive(tmp_path / "lock"), frozen():
        for patience in (0, 0.2):
            with pytest.raises(LockBusy), exclusive(tmp_path / "lock", timeout=patience):
                pass
