"""WinRM, by a responder on this host; the same one is in a guest in `tests/images/windows/foreign`."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import GuestDied, GuestUnreachable, HostError, LoginError, TimedOut
from pytest_smolvm.guest.link.channels import Patience
from pytest_smolvm.guest.link.winrm import Ran, WinRM
from pytest_smolvm.host.waiting import until
from tests.guest.link.remote import serving

pytestmark = pytest.mark.tool("perl")
GONE: Any = None  # what importing a module of this name then fails for


def remote(port: int, password: str = "secret") -> WinRM:
    return WinRM(port, "me", password, lambda: None, Patience(answer=0.2, pause=0.0))


@pytest.fixture(autouse=True)
def _library() -> None:
    pytest.importorskip("winrm")


def test_a_line_is_run_to_its_end() -> None:
    """Whatever is written; what is not ASCII is no more than a mark."""
    with serving() as port:
        found = remote(port)
        found.wait(5)

        assert found.run("echo '<a> & \"b\"'; sleep 0.3; printf 'M\\374ll' >&2; exit 3", 20) == Ran(
            3, '<a> & "b"\nM?ll'
        )
        assert found.run("head -c 300000 /dev/zero | tr '\\0' x", 20) == Ran(0, "x" * 300000)


def test_a_command_that_does_not_end(tmp_path: Path) -> None:
    """It is told to, and what was asked of it fails when its time is over."""
    note = tmp_path / "pid"
    with serving() as port:
        with pytest.raises(TimedOut, match=r"a command over WinRM to end: not within 3 s"):
            remote(port).run(f"echo $$ >{note}; while sleep 0.1; do echo on; done", 3)

        until("the command's end", lambda: has_ended(int(note.read_text())), timeout=20)


def has_ended(process: int) -> bool:
    """Whether it runs no more; nobody may have asked what became of it yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_password_that_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody is told which one it was."""
    caplog.set_level(logging.DEBUG)
    with serving() as port, pytest.raises(LoginError) as caught:
        remote(port, "guess-0815").wait(5)

    assert "refused to log in 'me': wrong user or password" in str(caught.value)
    assert "it offers basic" in str(caught.value)
    assert "guess-0815" not in f"{caught.value!r} {caplog.text}"


def test_a_server_that_takes_no_password_in_the_clear() -> None:
    """Then by NTLM, which this responder only offers; what to set is told."""
    with serving("Negotiate") as port, pytest.raises(LoginError) as caught:
        remote(port).wait(5)

    assert "it offers negotiate (to have it take Basic: winrm set" in str(caught.value)
    assert '@{Basic="true"}' in str(caught.value)
    assert '@{AllowUnencrypted="true"}' in str(caught.value)


def test_a_server_for_a_domain_only() -> None:
    """It is not tried in vain."""
    with (
        serving("Kerberos") as port,
        pytest.raises(LoginError, match=r"takes kerberos only \(to have it take Basic: wi"),
    ):
        remote(port).wait(5)


def test_a_server_that_comes_late() -> None:
    """Until then connections are refused, or break."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]

        with pytest.raises(TimedOut, match=r"the guest's WinRM to answer: not within 0\.3 s; last seen: timed out"):
            remote(port).wait(0.3)
    with pytest.raises(TimedOut, match="Connection refused"):
        remote(port).wait(0.3)


@pytest.fixture(name="nonsense")
def _nonsense() -> Iterator[int]:
    """The port of a server that answers with something else."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<a/>\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_an_answer_that_is_none_of_winrm(nonsense: int) -> None:
    """Another server's, or one's that is just starting."""
    with pytest.raises(GuestUnreachable, match="did not do what it was asked: StopIteration"):
        remote(nonsense).run("ver", 5)
    with pytest.raises(TimedOut, match="last seen: HTTP 200 OK"):
        remote(nonsense).wait(0.3)


def test_a_guest_that_is_gone() -> None:
    """It is not waited for."""

    def gone() -> None:
        raise GuestDied("it has ended")

    with pytest.raises(GuestDied):
        WinRM(1, "me", "secret", gone).wait(60)


@pytest.mark.parametrize("ways", ["Basic", "Negotiate"])
def test_a_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch, ways: str) -> None:
    """Least of all for this host itself."""
    with socket.create_server(("127.0.0.1", 0)) as proxy, serving(ways) as port:
        proxy.setblocking(False)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        found = remote(port)
        if ways == "Basic":
            assert found.run("echo reached", 20).said == "reached\n"
        else:
            with pytest.raises(LoginError, match="it offers negotiate"):
                found.wait(5)

        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Other threads look at it while a command runs, and start programs with it."""
    monkeypatch.setenv("no_proxy", "example.com")
    began, enough = tmp_path / "began", tmp_path / "enough"
    with serving() as port:
        line = f"touch {began}; while [ ! -e {enough} ]; do sleep 0.05; done"
        thread = threading.Thread(target=remote(port).run, args=(line, 20))
        thread.start()
        until("the command's beginning", began.exists, timeout=20)

        assert os.environ["no_proxy"] == "example.com"
        enough.touch()
        thread.join()


def test_tidying_up_does_not_hide_what_went_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with that: it takes too long as well, or the account is refused by now."""

    def refusing(*_: object) -> None:
        raise LoginError("by now")

    with serving() as port:
        from winrm.protocol import Protocol

        monkeypatch.setattr(Protocol, "cleanup_command", refusing)
        monkeypatch.setattr(Protocol, "close_shell", refusing)
        with pytest.raises(TimedOut, match="a command over WinRM to end: not within 1 s"):
            remote(port).run("for i in 1 2 3 4 5 6 7 8 9; do sleep 0.3; echo on; done", 1)


def test_the_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told before anything is done."""
    monkeypatch.setitem(sys.modules, "winrm", GONE)

    with pytest.raises(HostError, match=r"pip install 'pytest-smolvm\[winrm\]'.*apt-get install python3-winrm$"):
        remote(1).wait(60)
