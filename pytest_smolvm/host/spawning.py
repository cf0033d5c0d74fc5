"""Starts programs that the kernel ends with this process, without a thread that outlives them.

PR_SET_PDEATHSIG fires when the *thread* that forked ends, not only its process (prctl(2)). The main thread lives as
long as the process does. Any other may end sooner, as that of a pool does: for it, one is begun that does nothing but
to be the program's parent. A thread that stays would be everybody's: since Python 3.12, `os.fork` warns of it.
"""

from __future__ import annotations

import os
import select
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from signal import getsignal, raise_signal, signal, valid_signals
from types import FrameType
from typing import Any


def spawned(words: Sequence[str], options: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start a program whose parent, to the kernel, lives as long as this process or as the program itself.

    :param options: subprocess.Popen's.
    """
    main = threading.current_thread() is threading.main_thread() and threading.get_native_id() == os.getpid()
    return _from_here(words, options) if main else _from_beside(words, options)


def _from_here(words: Sequence[str], options: dict[str, Any]) -> subprocess.Popen[bytes]:
    child = None
    try:
        with _signals_later():
            child = _popen(words, options)
    except BaseException:
        if child is not None:  # it was Ctrl-C, say: nobody else knows of the program
            child.kill()
            child.wait()
        raise
    return child


def _from_beside(words: Sequence[str], options: dict[str, Any]) -> subprocess.Popen[bytes]:
    started: Future[subprocess.Popen[bytes]] = Future()
    # A daemon: whoever leaves a program running is not to wait for its end when he ends himself.
    threading.Thread(target=_be_parent, args=(started, words, options), name="smolvm-parent", daemon=True).start()
    return started.result()


def _be_parent(started: Future[subprocess.Popen[bytes]], words: Sequence[str], options: dict[str, Any]) -> None:
    try:
        child = _popen(words, options)
        process = os.pidfd_open(child.pid)  # before anybody knows of it, and can have waited for it
    except BaseException as exc:  # noqa: BLE001 - it is raised where the program was asked for
        started.set_exception(exc)
        return
    try:
        started.set_result(child)
        ended = select.poll()
        ended.register(process, select.POLLIN)
        ended.poll()
    finally:
        os.close(process)


def _popen(words: Sequence[str], options: dict[str, Any]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal reaches us alone, and we end the child in order.
    return subprocess.Popen(words, start_new_session=True, **options)


@contextmanager
def _signals_later() -> Iterator[None]:
    """What signals have Python do, such as to raise KeyboardInterrupt, it does after the block."""
    came: dict[int, None] = {}

    def note(number: int, _: FrameType | None) -> None:
        came[number] = None

    handlers = {number: handler for number in sorted(valid_signals()) if callable(handler := getsignal(number))}
    try:
        for number in handlers:
            signal(number, note)
        yield
    finally:
        for number in reversed(handlers):  # that of Ctrl-C last: it may raise as soon as it is there
            signal(number, handlers[number])
        for noted in came:
            raise_signal(noted)
