"""Processes' names that are never another's."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator

import pytest

from pytest_smolvm.host import owner


@pytest.fixture(name="child")
def _child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as child:
        yield child
        child.kill()


def test_it_lives_as_long_as_it_runs(child: subprocess.Popen[bytes]) -> None:
    token = owner.of(child.pid)
    assert owner.alive(token)

    owner.kill(token)

    assert -signal.SIGKILL == child.wait()
    assert not owner.alive(token)
    owner.kill(token)  # fine, too
    with pytest.raises((FileNotFoundError, ProcessLookupError)):
        owner.of(child.pid)


def test_whoever_has_its_pid_by_now_is_spared(child: subprocess.Popen[bytes]) -> None:
    pid, started, boot = owner.of(child.pid).split("-")
    earlier = f"{pid}-{int(started) - 1}-{boot}"

    owner.kill(earlier)

    assert not owner.alive(earlier)
    assert child.poll() is None


@pytest.mark.parametrize("token", ["", "x", "x-1-2", "0-1-2"])
def test_what_names_nobody(token: str) -> None:
    assert not owner.alive(token)
    owner.kill(token)


def test_me() -> None:
    assert owner.alive(owner.me())
