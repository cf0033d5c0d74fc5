"""Requests to the practice guest's programs while these are not given a turn."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pytest_smolvm.guest.commands.run import run
from pytest_smolvm.guest.link.ssh import Ssh

# Longer than a command takes. When it is through shows itself nowhere but to the shell that is kept from looking.
STOPPED_SECONDS = 0.5
SHELLS = 6


@contextmanager
def shells_stopped(below: Path) -> Iterator[list[int]]:
    """Every login shell that starts below a directory stands still for a while, as on a busy host."""
    stopped: list[int] = []
    end = threading.Event()

    def watch() -> None:
        while not end.is_set():
            for pid in set(shells(below)) - set(stopped):
                stopped.append(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    time.sleep(STOPPED_SECONDS)
                    os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield stopped
    finally:
        end.set()
        thread.join()


def shells(below: Path) -> Iterator[int]:
    """The login shells whose root directory is below another."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if (process / "comm").read_text() == "shell\n" and str(below) in os.readlink(process / "root"):
                yield int(process.name)


def test_an_exit_code_is_told_however_late_it_is_asked_for(
    connection: Ssh, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """That the pipes are open and that the command has ended is then there at once."""
    codes: list[int] = []
    with shells_stopped(tmp_path_factory.getbasetemp()) as stopped:
        while len(stopped) < SHELLS:  # on a busy host some are through before they are seen
            assert len(codes) < 20 * SHELLS
            codes.append(run(connection, "exit 7", shell="cmd", timeout=60.0).exit_code)

    assert {7} == {*codes}
