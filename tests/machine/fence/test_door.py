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
from pytest_smolvm.machine.fence import start
from pytest_smolvm.machine.fence.attempts import attempts
from pytest_smolvm.machine.fence.fence import REFUSED, fenced
from pytest_smolvm.machine.fence.seccomp import CALLS, door_only
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
def forwarding(wanted: str | list[str], log: Path) -> Iterator[int]:
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
        yield qemu.host_port(monitor.human("info usernet"), qemu.SSH)


def connected(port: int, *before: str) -> str:
    done = subprocess.run(
        [*before, sys.executable, "-I", "-c", CONNECT, str(port)], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout.strip()


MODES = pytest.mark.parametrize("wanted", ["open", "host", "off", ["example.com:443"]], ids=str)


@MODES
def test_its_owner_is_let_in(wanted: str | list[str], tmp_path: Path) -> None:
    with forwarding(wanted, tmp_path / "network.log") as port:
        assert "waiting" == connected(port)

    assert [] == list(attempts(tmp_path / "network.log"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
@MODES
def test_another_user_is_not(wanted: str | list[str], tmp_path: Path) -> None:
    other = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--")

    with forwarding(wanted, tmp_path / "network.log") as port:
        assert "closed" == connected(port, *other)
        assert "waiting" == connected(port)

    assert [f"login from user {NOBODY}: refused, the guest is another user's"] == [
        str(attempt) for attempt in attempts(tmp_path / "network.log")
    ]


@pytest.mark.parametrize("needed", [True, False])
def test_where_the_kernel_cannot_hold_calls_qemu_starts_only_if_it_may_do_without(needed: bool) -> None:
    calls = CALLS[os.uname().machine]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        no_such_call = calls.io_uring_setup + 5000
        told = (calls.prctl, no_such_call, door_only(calls).hex(), os.getpid(), theirs.fileno(), int(needed))
        words = [sys.executable, "-I", "-S", start.__file__, *map(str, told), "echo", "started"]
        done = subprocess.run(words, pass_fds=[theirs.fileno()], capture_output=True, text=True, check=False)

    assert needed == bool(done.returncode)
    assert done.stdout == ("" if needed else "started\n")
    assert (REFUSED in done.stderr) == needed
