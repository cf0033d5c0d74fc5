"""Guests that somebody uses by hand: kept and held ones, throw-away ones, a shell on a terminal, the screen over VNC."""

from __future__ import annotations

import os
import pty
import re
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_smolvm.cli import main
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import Deadline
from tests.background import background

COMMAND = (sys.executable, "-m", "pytest_smolvm.cli.main")
SECONDS = 300.0
# One passes, one fails and leaves a file and a program; one has a snapshot, which ends with it.
SUITE = r"""
def test_kept_good(windows_vm):
    pass

def test_kept_bad(windows_vm):
    windows_vm.write_text(r"C:\Users\smolvm\note.txt", "as it was")
    windows_vm.spawn("ping -n 600 127.0.0.1")
    assert False

def test_kept_frozen(windows_vm):
    windows_vm.snapshot("before")
    assert False
"""


def _said(*words: str) -> tuple[int, str]:
    ran = subprocess.run([*COMMAND, *words], stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
    return ran.returncode, ran.stdout


def test_a_failed_tests_guest_is_gone_on_with(inner: pytest.Pytester, store: Store) -> None:
    inner.makepyfile(test_left=SUITE)
    result = inner.runpytest_subprocess("--smolvm-keep=failed")
    result.assert_outcomes(passed=1, failed=2)
    name = "test_left.py-test_kept_bad"
    assert [name] == re.findall(
        r"kept the guest as it was: pytest-smolvm attach (\S+)$", result.stderr.str(), re.MULTILINE
    )
    result.stderr.fnmatch_lines(["*guest of test_left.py-test_kept_frozen was not kept running*snapshots end with it"])

    listed = _said("guests")[1]
    assert f"{name}  " in listed
    for _ in range(2):  # each time as it was
        code, printed = _said("attach", name, "--", "type note.txt& tasklist& echo more>note.txt& exit 3")
        assert 3 == code
        assert printed.startswith("as it was")
        assert "ping.exe" in printed.lower()

    again = inner.runpytest_subprocess("--smolvm-keep=failed", "-k", "bad")
    again.assert_outcomes(failed=1, deselected=2)
    assert 1 == _said("guests")[1].count(name)  # the newer has taken the place of the older
    assert 0 == main.main(["stop", name])
    assert name not in _said("guests")[1]


HELD = r"""
NOTE = r"C:\Users\smolvm\note.txt"

def test_held(windows_vm_module):
    windows_vm_module.write_text(NOTE, "the test's")
    assert not windows_vm_module.read_text(NOTE)
"""
ASK = b"print('it says', windows_vm_module.read_text(NOTE))\nq\n"


def test_the_guest_of_a_test_in_the_debugger_is_entered(inner: pytest.Pytester, store: Store) -> None:
    """What is done in it there, and by hand, is done in the same one; it is gone when the debugger is left."""
    inner.makepyfile(test_held=HELD)
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with background("pytest", "--pdb", "-p", "no:cacheprovider", cwd=inner.path, **piped) as running:
        assert running.stderr is not None
        said = []
        for line in running.stderr:
            said.append(line.decode())
            if "VNC: " in said[-1]:
                break
        told = re.search(r"pytest-smolvm attach (\S+)\n.*(ssh -p \d+ smolvm@127\.0\.0\.1)\n", "".join(said))
        assert told is not None, said
        name, by_ssh = told.groups()
        listed = _said("guests")[1]
        code, printed = _said("attach", name, "--", r"type note.txt& (echo by hand)>note.txt& exit 5")
        hello, security = _greeted(said[-1])
        out, _ = running.communicate(ASK, SECONDS)

    assert (5, "the test's") == (code, printed.strip())
    assert f"{name}  held by a debugger  {by_ssh}\n" in listed
    assert (b"RFB 003.", b"\x01\x02") == (hello[:8], security)
    assert "it says by hand" in out.decode()
    assert name not in _said("guests")[1]


def test_a_guest_for_one_command(store: Store, image: Path) -> None:
    code, printed = _said("run", "--image", str(image), "--", "echo %USERNAME%& exit 7")

    assert (7, ["smolvm"]) == (code, printed.split())


def test_its_screen_is_shown_to_who_knows_the_password(store: Store, image: Path) -> None:
    words = [*COMMAND, "run", "--image", str(image), "--vnc", "--", "ping -n 600 127.0.0.1"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        hello, security = _greeted(next(line for line in running.stderr if "VNC: " in line))
        running.terminate()

    # RFC 6143, 7.1: one kind of security is offered, and that is the password.
    assert (b"RFB 003.", b"\x01\x02") == (hello[:8], security)


@pytest.mark.slow  # wine's console takes long to start where the processor is emulated
def test_a_shell_on_a_terminal(store: Store, image: Path) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execv(COMMAND[0], [*COMMAND, "run", "--image", str(image)])  # noqa: S606 - our own program
    try:
        _until(terminal, b">")
        os.write(terminal, b"set /a 6*7\r")
        _until(terminal, b"42")
        os.write(terminal, b"exit 5\r")
        _, status = os.waitpid(child, 0)
    finally:
        os.close(terminal)

    assert 5 == os.waitstatus_to_exitcode(status)


def _greeted(said: str) -> tuple[bytes, bytes]:
    """What the server that a line tells of says first: its protocol, and which kinds of security it has."""
    found = re.search(r"VNC: 127\.0\.0\.1:(\d+), password [0-9a-f]{8}$", said)
    assert found is not None, said
    with socket.create_connection(("127.0.0.1", int(found[1])), timeout=SECONDS) as viewer:
        hello = viewer.recv(12)
        viewer.sendall(hello)
        return hello, viewer.recv(2)


def _until(terminal: int, words: bytes) -> None:
    """Read what a terminal shows until these are among it."""
    seen, deadline = b"", Deadline(SECONDS)
    while words not in seen:
        ready, _, _ = select.select([terminal], [], [], deadline.left)
        assert ready, seen
        seen += os.read(terminal, 65536)
