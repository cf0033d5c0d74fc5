"""The guest's own shell on the terminal that this process has."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko

from pytest_smolvm.errors import GuestUnreachable
from pytest_smolvm.guest.link.channels import BROKEN
from pytest_smolvm.guest.link.ssh import Ssh

_CHUNK = 65536
_SIZE = (80, 24)


def interact(ssh: Ssh) -> int:
    """Let the user type into a shell of the guest's, until that ends. Standard input has to be a terminal.

    Every key goes to the guest, Ctrl-C too. Windows has such consoles from 10 (1809) and Server 2019 on (ConPTY).

    :returns: the shell's exit code.
    :raises GuestUnreachable: the connection broke.
    """
    transport, _ = ssh.handles
    columns, rows = shutil.get_terminal_size(_SIZE)
    try:
        with transport.open_session() as channel, _raw(sys.stdin.fileno()):
            channel.get_pty(os.environ.get("TERM", "xterm"), columns, rows)
            channel.invoke_shell()
            with _resized(channel):
                _pump(channel, sys.stdin.fileno(), sys.stdout.fileno())
            return max(0, int(channel.recv_exit_status()))  # negative if it ended without one
    except BROKEN as exc:
        raise GuestUnreachable(f"the SSH connection broke: {exc}") from exc


@contextmanager
def _raw(terminal: int) -> Iterator[None]:
    """The terminal gives each key as it comes, and does not show it: the guest does that."""
    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


@contextmanager
def _resized(channel: paramiko.Channel) -> Iterator[None]:
    """The guest is told when the terminal's window gets another size."""
    before = signal.signal(signal.SIGWINCH, lambda *_: channel.resize_pty(*shutil.get_terminal_size(_SIZE)))
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _pump(channel: paramiko.Channel, keys: int, screen: int) -> None:
    """Pass keys on, and what the shell prints, until it ends."""
    ready = select.poll()
    ready.register(channel.fileno(), select.POLLIN)
    ready.register(keys, select.POLLIN)
    while True:
        for file, _ in ready.poll():
            if file != keys:
                if not (printed := channel.recv(_CHUNK)):
                    return
                _write(screen, printed)
            elif typed := os.read(keys, _CHUNK):
                channel.sendall(typed)
            else:  # the terminal is gone
                channel.close()
                return


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
