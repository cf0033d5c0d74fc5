"""Which threads programs of the host cost, and what signals do meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from types import FrameType

import pytest

from pytest_smolvm.host import proc, programs
from pytest_smolvm.host.waiting import until

PATIENCE = 20.0


def threads() -> set[str]:
    """Those of this process, as the kernel counts them: Python warns of a fork beside any."""
    return set(os.listdir("/proc/self/task"))


def begun_by_a_thread_that_has_ended() -> subprocess.Popen[bytes]:
    begun: list[tuple[subprocess.Popen[bytes], int]] = []

    def begin() -> None:
        child = programs.start(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        begun.append((child, threading.get_native_id()))

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    child, number = begun[0]
    until("the end of the thread", lambda: str(number) not in threads(), timeout=PATIENCE)
    return child


def test_the_main_threads_programs_cost_no_thread() -> None:
    before = threads()
    programs.run("do nothing", ["true"])
    child = programs.start(["sleep", "60"])
    try:
        assert before == threads()
    finally:
        programs.end(child)


def test_a_program_outlives_the_thread_that_began_it() -> None:
    child = begun_by_a_thread_that_has_ended()
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"still here\n")
        child.stdin.flush()
        assert b"still here\n" == child.stdout.readline()
    finally:
        programs.end(child)


def test_the_thread_that_is_its_parent_ends_with_it() -> None:
    before = threads()
    child = begun_by_a_thread_that_has_ended()
    assert 1 == len(threads() - before)

    programs.end(child)

    until("the end of its parent", lambda: before >= threads(), timeout=PATIENCE)


@pytest.mark.parametrize("in_a_thread", [False, True])
def test_a_program_that_is_not_there_is_an_error_where_it_is_asked_for(in_a_thread: bool) -> None:
    found: list[OSError] = []

    def ask() -> None:
        with pytest.raises(FileNotFoundError) as caught:
            programs.start(["true"], cwd="/nowhere")
        found.append(caught.value)

    if in_a_thread:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    else:
        ask()

    assert ["/nowhere"] == [error.filename for error in found]


class OutOfTime(Exception):
    """What a plugin's alarm raises in a test that takes too long."""


@pytest.mark.parametrize("number", [signal.SIGALRM, signal.SIGTERM])
def test_what_a_signal_raises_while_a_program_starts_does_not_lose_it(number: signal.Signals) -> None:
    reading, writing = os.pipe()

    def interrupted() -> None:  # in the child
        os.write(writing, str(os.getpid()).encode())
        os.kill(os.getppid(), number)

    def give_up(_: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(number, give_up)
    try:
        with pytest.raises(OutOfTime):
            programs.start(["sleep", "60"], preexec_fn=interrupted)
        assert signal.getsignal(number) is give_up
    finally:
        signal.signal(number, before)

    with pytest.raises(OSError, match="No such"):
        proc.started(int(os.read(reading, 20)))
