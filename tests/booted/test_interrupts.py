"""A run that is interrupted, or whose worker crashes, takes its guests with it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import until
from tests.background import background
from tests.booted.conftest import guest_processes

TEST = """
import os
from pathlib import Path

def test_guest(windows_vm):
    Path({where!r}).write_text(str(windows_vm._running().machine.files.path))
    {then}
"""
LONG = 'windows_vm.run("ping -n 1000 127.0.0.1", shell="cmd")'
SECONDS = 120.0


@contextmanager
def began(inner: pytest.Pytester, then: str, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A run whose guest is in use, and that guest's directory."""
    note = inner.path / "where"
    inner.makepyfile(TEST.format(where=str(note), then=then))
    words = ("-p", "no:cacheprovider", *options)
    with background("pytest", *words, cwd=inner.path, stdout=subprocess.DEVNULL, start_new_session=True) as run:
        until("a guest in use", lambda: note.exists() and note.stat().st_size, timeout=SECONDS)
        yield run, Path(note.read_text())


def nobody_uses(place: Path) -> bool:
    until("the end of the guest's processes", lambda: not guest_processes(place), timeout=5)
    return True


def control_c(run: subprocess.Popen[bytes]) -> None:
    """As a terminal does it: everybody in its foreground gets the signal."""
    os.killpg(run.pid, signal.SIGINT)


@pytest.mark.parametrize("options", [(), ("-n2",)])
def test_control_c(inner: pytest.Pytester, options: tuple[str, ...]) -> None:
    with began(inner, LONG, *options) as (run, place):
        control_c(run)

        assert pytest.ExitCode.INTERRUPTED == run.wait(SECONDS)
        assert not place.exists()
        assert nobody_uses(place)


def test_control_c_pressed_until_it_ends(inner: pytest.Pytester) -> None:
    with began(inner, LONG) as (run, place):
        while run.poll() is None:
            control_c(run)
            with suppress(subprocess.TimeoutExpired):
                run.wait(0.1)

        assert run.returncode != 0
        assert nobody_uses(place)
        assert not place.exists()


def test_a_worker_that_crashes(inner: pytest.Pytester, store: Store) -> None:
    with began(inner, "os._exit(3)", "-n1") as (run, place):
        assert 1 == run.wait(SECONDS)
        assert nobody_uses(place)
        store.reap()
        assert not place.exists()
