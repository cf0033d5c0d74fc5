"""Programs of the host: run one to its end, or keep one for the length of a block."""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import HostError, ToolError
from pytest_smolvm.host.adopted import Child
from pytest_smolvm.host.spawning import spawned

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Debian has sfdisk and mke2fs where only root's PATH leads, though anybody may use them on files of his own.
_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
_TERM_SECONDS = 3.0
_TAIL_BYTES = 8192
SETTLED: dict[str, str] = {}
"""PATH as it was when :func:`settle` was called, if it was."""


def find(program: str) -> str | None:
    """The full path of `program`; None if it is not installed."""
    return shutil.which(program) or shutil.which(program, path=_SYSTEM_PATH)


def require(program: str, package: str) -> str:
    """The full path of `program`.

    :raises HostError: it is not installed; the message names Debian's `package`.
    """
    found = find(program)
    if found is None:
        raise HostError(f"{program} is not installed; on Debian or Ubuntu: apt-get install {package}")
    return found


def settle() -> None:
    """What guests run on is from now on where PATH leads now, whatever a test makes of PATH."""
    SETTLED["PATH"] = os.environ.get("PATH", "")


def settled(program: str, package: str) -> str:
    """The full path of a program that guests run on: where PATH led when that was settled, or else leads.

    :raises HostError: it is not installed; the message names Debian's `package`.
    """
    return shutil.which(program, path=SETTLED.get("PATH", "")) or require(program, package)


def run(
    what: str,
    command: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
) -> str:
    """Run a host program to its end and return its stdout as text.

    The child dies with this process. With `log`, both streams are appended to that file instead and "" is returned.

    :param what: what is being done, for the error: ``"create the overlay"``.
    :raises ToolError: it ended with a non-zero status or by a signal.
    """
    words = tuple(os.fspath(word) for word in command)
    with open(log or os.devnull, "ab") as sink:
        child = start(
            words,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=sink if log else subprocess.PIPE,
            stderr=sink if log else subprocess.PIPE,
        )
    try:
        stdout, stderr = child.communicate()
    finally:
        if child.poll() is None:
            end(child)
    if child.returncode != 0:
        raise ToolError(what, words, child.returncode, tail(log) if log else _text(stderr or stdout))
    return "" if log else _text(stdout)


@contextmanager
def running(
    command: Sequence[str | os.PathLike[str]],
    *,
    log: Path,
    pass_fds: Sequence[int] = (),
    env: Mapping[str, str] | None = None,
    cwd: Path = Path("/"),
) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a host program running for the length of the block; both its streams go to the file `log`.

    On leaving it is asked to end (TERM), then made to (KILL), and always reaped. It dies with this process.
    """
    words = tuple(os.fspath(word) for word in command)
    with open(log, "ab") as sink:
        child = start(
            words, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, pass_fds=tuple(pass_fds)
        )
    try:
        yield child
    finally:
        end(child)


def end(child: subprocess.Popen[bytes], patience: float = _TERM_SECONDS) -> None:
    """End `child`: TERM, `patience` seconds later KILL; reap it."""
    try:
        if child.poll() is None:
            child.terminate()
            await_end(child, patience)
    finally:  # also when somebody is tired of waiting
        if child.poll() is None:
            child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()


def await_end(child: Child, timeout: float) -> None:
    """Wait for the end of `child`, at most `timeout` seconds, by the kernel's clock: a test may stop Python's."""
    if child.poll() is not None:
        return
    try:
        process = os.pidfd_open(child.pid)
    except ProcessLookupError:
        return  # another thread has looked at it meanwhile, and it is reaped
    try:
        ended = select.poll()
        ended.register(process, select.POLLIN)
        ended.poll(timeout * 1000)
    finally:
        os.close(process)


def tail(path: Path, lines: int = 25) -> str:
    """The last `lines` lines of a log file, "" if there is none."""
    try:
        with open(path, "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _TAIL_BYTES))
            return "\n".join(_text(log.read()).splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def die_with_parent() -> None:
    """From now on, the kernel ends this process when the one that started it dies."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def start(command: Sequence[str | os.PathLike[str]], **options: Any) -> subprocess.Popen[bytes]:
    """Start a child that dies with this process; the caller hands it to :func:`end`.

    :param options: subprocess.Popen's.
    """
    words = [settled("setpriv", "util-linux"), "--pdeathsig", "KILL", "--", *(os.fspath(word) for word in command)]
    return spawned(words, options)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")
