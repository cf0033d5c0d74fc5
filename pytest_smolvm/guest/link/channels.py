"""A command's channel: its input, its two streams of output, its exit code."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import paramiko

from pytest_smolvm.errors import GuestUnreachable, TimedOut
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline, until

_CHUNK = 65536
WATCH_SECONDS = 1.0
"""How often it is looked whether the guest that is waited for is still there."""
_LAST_WORDS_SECONDS = 2.0
# How much of a channel's data may be on its way, in bytes: paramiko's default is too little for a fast transfer.
WINDOW = 4 * 1024 * 1024
ANSWER_SECONDS = stretched(120.0)
"""Seconds that the guest's sshd, and the small programs of Windows that state is asked of, may take for an answer.

Win32-OpenSSH's "Preview" builds take up to two minutes for a banner or a login (Win32-OpenSSH 2425).
"""
BROKEN = (paramiko.SSHException, EOFError, OSError)
"""What paramiko raises when a connection has ended or cannot be used."""
_RETRY_SECONDS = 0.1

Sink = Callable[[bytes], object]
"""Takes a piece of output as it comes."""
Stdin = bytes | Iterable[bytes]
"""A command's input, at once or as it comes."""


@dataclass(frozen=True)
class Patience:
    """How long a guest's sshd, or WinRM, is waited for, in seconds."""

    answer: float = ANSWER_SECONDS
    """For its banner, a handshake, an answer to a login."""
    room: float = stretched(60.0)
    """For a session that it refuses to open.

    It counts a session until its processes have ended, and one that is closed until it has dealt with what came in the
    same packet (its channels.c collects closed channels after that): a refusal may be over soon.
    """
    pause: float = 2.0
    """Between two attempts to log in.

    Windows' sshd from 9.8 on (PerSourcePenalties) holds 5 s against a client for each refusal and 1 s for a connection
    that never logged in, and shuts it out at 15 s.
    """


class Stream(Protocol):
    """A byte stream to a TCP port, as `direct-tcpip` gives it."""

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes; b"" at the end."""

    def shutdown(self, how: int) -> None:
        """End one direction: 0 reading, 1 writing, 2 both."""

    def settimeout(self, seconds: float | None) -> None:
        """Bound the next calls; they raise TimeoutError."""

    def close(self) -> None:
        """End it."""


def open_session(
    transport: paramiko.Transport, deadline: Deadline, watch: Callable[[], None], patience: Patience
) -> paramiko.Channel:
    """Open a channel for a command or for SFTP, as soon as sshd has room for it.

    :param watch: called after each refusal; raises if the guest is gone.
    :raises TimedOut: the deadline came.
    :raises GuestUnreachable: the connection broke, or sshd kept refusing.
    """
    refusal: paramiko.ChannelException | None = None

    def attempt() -> paramiko.Channel | None:
        nonlocal refusal
        try:
            return transport.open_session(window_size=WINDOW, timeout=patience.answer)
        except paramiko.ChannelException as exc:
            refusal = exc
            watch()
            return None
        except BROKEN as exc:
            raise GuestUnreachable(f"the SSH connection broke: {exc}") from exc

    try:
        return until("an SSH session", attempt, timeout=deadline.at_most(patience.room), interval=_RETRY_SECONDS)
    except TimedOut:
        if deadline.passed:
            raise TimedOut("an SSH session", deadline.seconds or 0) from refusal
        raise GuestUnreachable(f"the guest's SSH server opens no session: {refusal}") from refusal


def feed(channel: paramiko.Channel, stdin: Stdin) -> threading.Thread | None:
    """Send `stdin` and close it, beside the reading: a command that prints before it has read would else block both."""
    if not stdin:
        channel.shutdown_write()
        return None

    def send() -> None:
        try:
            for chunk in (stdin,) if isinstance(stdin, bytes) else stdin:
                channel.sendall(chunk)
            channel.shutdown_write()
        except BROKEN:
            pass  # the command ended without reading all of it, which is its right

    thread = threading.Thread(target=send, name="smolvm-stdin", daemon=True)
    thread.start()
    return thread


def drain(
    channel: paramiko.Channel, deadline: Deadline, watch: Callable[[], None], on_stdout: Sink, on_stderr: Sink
) -> None:
    """Read both streams as they come until they end.

    They may never: a process that inherited them and broke away holds them open (Win32-OpenSSH 2452). So once the
    exit code is there, a quiet moment ends the reading, too.
    """
    ready = select.poll()
    ready.register(channel.fileno(), select.POLLIN)
    quiet = Deadline(None)
    while True:
        if _pump(channel, on_stdout, on_stderr):
            quiet = Deadline(_LAST_WORDS_SECONDS if channel.exit_status_ready() else None)
        elif channel.eof_received or channel.closed:
            if not _pump(channel, on_stdout, on_stderr):  # what came between the two looks
                return
        elif quiet.passed:
            return
        else:
            if quiet.seconds is None and channel.exit_status_ready():
                quiet = Deadline(_LAST_WORDS_SECONDS)
            ready.poll(deadline.at_most(quiet.at_most(WATCH_SECONDS)) * 1000)
            watch()
        if deadline.passed:
            raise TimedOut("the command", deadline.seconds or 0)


def _pump(channel: paramiko.Channel, on_stdout: Sink, on_stderr: Sink) -> bool:
    got = False
    if channel.recv_ready():
        on_stdout(channel.recv(_CHUNK))
        got = True
    if channel.recv_stderr_ready():
        on_stderr(channel.recv_stderr(_CHUNK))
        got = True
    return got


def exit_code(channel: paramiko.Channel, deadline: Deadline, watch: Callable[[], None]) -> int:
    """Wait for the exit code, unsigned 32-bit.

    :raises TimedOut: the deadline came.
    :raises GuestUnreachable: the connection broke before.
    """
    # A process may close its streams and stay: the end is the exit code, not the end of output.
    while not channel.exit_status_ready():
        watch()
        try:
            until("the command", channel.exit_status_ready, timeout=deadline.at_most(WATCH_SECONDS), interval=0.01)
        except TimedOut:
            if deadline.passed:
                raise TimedOut("the command", deadline.seconds or 0) from None
    code = int(channel.recv_exit_status())
    if code < 0:  # paramiko's word for "none was sent"
        raise GuestUnreachable("the SSH connection broke before the command's exit code came")
    return code
