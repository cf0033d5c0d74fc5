"""What is in use, as others see it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pytest_smolvm.host.use import held, is_held


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    path.touch(mode=0o400)
    return path


def test_a_file_is_in_use_as_long_as_anybody_uses_it(file: Path) -> None:
    assert not is_held(file)
    with held(file):
        with held(file):
            assert is_held(file)
        assert is_held(file)
    assert not is_held(file)


def test_a_forked_child_does_not_go_on_using_it(file: Path) -> None:
    """As a server that a test leaves running."""
    with held(file):
        child = os.fork()
        if not child:
            signal.pause()
    try:
        assert not is_held(file)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_what_is_not_there_is_not_in_use(file: Path) -> None:
    with held(file.with_name("none"), file):
        assert not is_held(file.with_name("none"))
        assert is_held(file)
