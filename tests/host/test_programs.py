"""Programs of the host in the children of a process that has started some already."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pytest_smolvm.errors import HostError
from pytest_smolvm.host import proc, programs
from pytest_smolvm.host.waiting import until

PATIENCE = 20.0


def _say(answers: multiprocessing.Queue[str]) -> None:
    answers.put(programs.run("say hello", ["echo", "hello"]))


def test_a_forked_child_can_run_programs() -> None:
    """As tests do under pytest-forked, or where multiprocessing forks."""
    programs.run("have a thread that starts them", ["true"])
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[str] = context.Queue()
    child = context.Process(target=_say, args=(answers,))
    child.start()
    try:
        assert "hello\n" == answers.get(timeout=PATIENCE)
    finally:
        child.kill()
        child.join()


def test_an_interrupt_while_a_program_starts_does_not_lose_it() -> None:
    """Whoever was interrupted cannot end it, so that it is ended for him."""
    reading, writing = os.pipe()

    def slowly() -> None:  # in the child
        os.write(writing, str(os.getpid()).encode())
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(0.5)

    with pytest.raises(KeyboardInterrupt):
        programs.start(["sleep", "60"], preexec_fn=slowly)
    pid = int(os.read(reading, 20))

    until("the child's end", lambda: not _runs(pid), timeout=PATIENCE)


def _runs(pid: int) -> bool:
    try:
        return proc.started(pid) > 0
    except OSError:
        return False


def test_a_second_interrupt_does_not_spare_a_program() -> None:
    ready = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    child = programs.start([sys.executable, "-c", ready], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        programs.end(child, patience=PATIENCE)

    assert -signal.SIGKILL == child.returncode


def test_a_program_is_ended_whatever_somebody_has_made_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As libraries do that freeze the time of a test."""
    ready = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    child = programs.start([sys.executable, "-c", ready], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    for module, name in ((time, "monotonic"), (time, "time"), (time, "perf_counter"), (subprocess, "_time")):
        monkeypatch.setattr(module, name, lambda: 1.0)

    programs.end(child, patience=0.2)

    assert -signal.SIGKILL == child.returncode


def test_what_runs_on_does_not_hold_the_directory_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with programs.running(["sleep", "60"], log=tmp_path / "log") as child:
        assert "/" == os.readlink(f"/proc/{child.pid}/cwd")


def test_what_guests_run_on_stays_where_it_was_whatever_path_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test may set PATH for its own purposes."""
    monkeypatch.setattr(programs, "SETTLED", {})
    found = programs.require("sh", "dash")
    programs.settle()
    monkeypatch.setenv("PATH", "/nowhere")

    assert found == programs.settled("sh", "dash")
    with pytest.raises(HostError, match="apt-get install dash"):
        programs.require("sh", "dash")
    with pytest.raises(HostError, match="apt-get install hello"):
        programs.settled("no-such-program", "hello")


def test_one_that_another_thread_has_reaped_meanwhile_is_not_waited_for() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()

    class Unaware:
        """As its process was a moment ago, to who asks here."""

        pid, returncode = child.pid, None

        def poll(self) -> None:
            """It runs."""

        def kill(self) -> None:
            """Nobody does."""

    programs.await_end(Unaware(), PATIENCE)
