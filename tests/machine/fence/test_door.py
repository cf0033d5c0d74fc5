"""The guest's port on this host is its owner's: another user is not let in."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pytest_smolvm.host import programs
from pytest_smolvm.machine import qemu
from pytest_smolvm.machine.fence.attempts import attempts
from pytest_smolvm.machine.fence.fence import fenced
from pytest_smolvm.machine.network import network
from pytest_smolvm.machine.qmp import Monitor

NOBODY = "65534"
CONNECT = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30) as client:
    client.settimeout(3)
    try:
        print("closed" if client.recv(1) == b"" else "greeted")
    except TimeoutError:
        print("waiting")
    except ConnectionResetError:
        print("closed")
"""


@contextmanager
def forwarding(wanted: str, log: Path) -> Iterator[int]:
    """A QEMU with nothing in it that forwards a port to its guest; the port."""
    with ExitStack() as stack:
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        stack.enter_context(theirs)
        around = stack.enter_context(fenced(network(wanted), log, [theirs.fileno()]))
        command = [*around.words, qemu.BINARY, "-machine", "none", "-nodefaults", "-display", "none"]
        command += ["-netdev", "user,id=net,hostfwd=tcp:127.0.0.1:0-:22"]
        command += ["-chardev", f"socket,id=monitor,fd={theirs.fileno()}", "-mon", "chardev=monitor,mode=control"]
        passed = (*around.descriptors, theirs.fileno())
        stack.enter_context(programs.running(command, log=log.with_name("qemu.log"), pass_fds=passed))
        theirs.close()
        monitor = Monitor(ours)
        monitor.greet()
        yield qemu.ssh_port(monitor.human("info usernet"))


def connected(port: int, *before: str) -> str:
    done = subprocess.run(
        [*before, sys.executable, "-I", "-c", CONNECT, str(port)], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout.strip()


@pytest.mark.parametrize("wanted", ["open", "off"])
def test_its_owner_is_let_in(wanted: str, tmp_path: Path) -> None:
    with forwarding(wanted, tmp_path / "network.log") as port:
        assert "waiting" == connected(port)

    assert [] == list(attempts(tmp_path / "network.log"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_is_not(tmp_path: Path) -> None:
    other = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--")

    with forwarding("open", tmp_path / "network.log") as port:
        assert "closed" == connected(port, *other)
        assert "waiting" == connected(port)

    assert [f"login from user {NOBODY}: refused, the guest is another user's"] == [
        str(attempt) for attempt in attempts(tmp_path / "network.log")
    ]
