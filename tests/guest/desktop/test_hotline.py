"""The library is asked over a port of its own: what goes there and back, and what becomes of it when something ends."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import pytest

from pytest_smolvm.errors import DesktopError, GuestUnreachable, NoDesktop, ResidentLost, TimedOut
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.desktop import library
from pytest_smolvm.guest.desktop.hotline import Hotline
from pytest_smolvm.host.waiting import Deadline
from tests.guest.commands.residents import Worker, tunnel
from tests.serving import serve_each

SECONDS = 10.0


class Connection:
    """An SSH connection to a guest where nothing is but sockets."""

    def __init__(self) -> None:
        self.alive = True
        self.tunnels = 0

    def tunnel(self, host: str, port: int) -> socket.socket:
        """See `Ssh.tunnel`."""
        if not self.alive:
            raise GuestUnreachable("the SSH connection broke")
        self.tunnels += 1
        return tunnel(host, port)


class Guest:
    """A guest whose library does `serve` with each question: a letter and bytes, or None to hang up."""

    def __init__(self, serve: Callable[[int, list[str]], tuple[bytes, bytes] | None]) -> None:
        self.ssh = Connection()
        self.compiled = False
        self.opened = 0
        self.dying = 0
        """How many connections end before they have begun with a question."""
        self.secret = b""
        self._serve = serve
        self.begin()

    def begin(self) -> None:
        """Listen on a port."""

        def beside(connection: socket.socket) -> None:
            threading.Thread(target=self._talk, args=(connection.dup(),), daemon=True).start()

        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve_each, args=(self.listener, beside), daemon=True).start()

    def run(
        self, script: str, args: Sequence[Argument], *, stdin: bytes = b"", timeout: float | None = None
    ) -> RunResult:
        """A PowerShell that opens and compiles the library."""
        said = ""
        if script != library.script("open"):
            self.compiled = True
        elif not self.compiled:
            said = "absent"
        else:
            self.opened += 1
            self.secret = stdin.strip()
            said = str(self.listener.getsockname()[1])
        return RunResult(stdout=said, stderr="", exit_code=0, duration=0, command="x")

    def end(self) -> None:
        """Nobody listens any more."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(EOFError, OSError):
            worker = Worker(connection)
            assert worker.secret == self.secret
            while True:
                milliseconds, words = _read(worker.receive()[1])
                if self.dying:
                    self.dying -= 1
                    return
                worker.send(b"b")
                answer = self._serve(milliseconds, words)
                if answer is None:
                    return
                worker.send(*answer)


def _read(question: bytes) -> tuple[int, list[str]]:
    """Milliseconds, and words."""
    milliseconds, count = struct.unpack_from("<ii", question)
    words, at = [], 8
    for _ in range(count):
        (size,) = struct.unpack_from("<i", question, at)
        words.append(question[at + 4 : at + 4 + size].decode())
        at += 4 + size
    assert at == len(question)
    return milliseconds, words


def echo(milliseconds: int, words: list[str]) -> tuple[bytes, bytes]:
    return b"a", json.dumps({"words": words, "milliseconds": milliseconds}).encode()


@contextmanager
def asking(
    serve: Callable[[int, list[str]], tuple[bytes, bytes] | None] = echo, way: float = SECONDS
) -> Iterator[tuple[Guest, Hotline]]:
    guest = Guest(serve)
    connection: Any = guest.ssh
    hotline = Hotline(lambda: nullcontext(connection), guest.run, way)
    try:
        yield guest, hotline
    finally:
        hotline.forget()
        guest.end()


def test_it_is_compiled_and_opened_once_and_its_line_is_kept() -> None:
    with asking() as (guest, hotline):
        answers = [hotline(Deadline(SECONDS), ["press", number, "Grün\n"]) for number in range(3)]

    assert [["press", str(number), "Grün\n"] for number in range(3)] == [answer["words"] for answer in answers]
    assert 9000 < answers[0]["milliseconds"] <= 10000
    assert (True, 1, 1) == (guest.compiled, guest.opened, guest.ssh.tunnels)


def test_its_secret_is_in_no_command_line_and_in_no_representation() -> None:
    with asking() as (guest, hotline):
        hotline(Deadline(SECONDS), ["where"])
        secret = guest.secret.decode()

        assert 64 == len(secret)
        assert secret not in repr(hotline._listening)


def test_threads_do_not_wait_for_each_other() -> None:
    both = threading.Barrier(2, timeout=SECONDS)

    def together(milliseconds: int, words: list[str]) -> tuple[bytes, bytes]:
        both.wait()
        return echo(milliseconds, words)

    with asking(together) as (guest, hotline):
        other = threading.Thread(target=hotline, args=(Deadline(SECONDS), ["look"]))
        other.start()
        hotline(Deadline(SECONDS), ["look"])
        other.join()

    assert 2 == guest.ssh.tunnels


def test_an_answer_that_does_not_come_is_a_time_out_and_is_not_taken_for_the_next() -> None:
    late = threading.Event()

    def serve(milliseconds: int, words: list[str]) -> tuple[bytes, bytes]:
        if words == ["first"]:
            late.wait(SECONDS)
        return echo(milliseconds, words)

    with asking(serve, way=0.2) as (_, hotline):
        with pytest.raises(TimedOut, match="an answer of the desktop"):
            hotline(Deadline(0.1), ["first"])
        late.set()

        assert ["second"] == hotline(Deadline(SECONDS), ["second"])["words"]


def test_what_ends_in_the_middle_is_not_asked_again() -> None:
    asked: list[list[str]] = []

    def serve(milliseconds: int, words: list[str]) -> tuple[bytes, bytes] | None:
        asked.append(words)
        return None

    with asking(serve) as (guest, hotline):
        with pytest.raises(ResidentLost, match="ended in the middle of a call") as error:
            hotline(Deadline(SECONDS), ["click"])
        assert error.value.begun
        assert [["click"]] == asked
        guest.ssh.alive = False
        with pytest.raises(GuestUnreachable):
            hotline(Deadline(SECONDS), ["click"])


def test_one_that_has_ended_is_opened_anew() -> None:
    with asking() as (guest, hotline):
        hotline(Deadline(SECONDS), ["look"])
        guest.end()
        for line in hotline._idle:
            line.frames.close()
        guest.begin()

        assert ["look"] == hotline(Deadline(SECONDS), ["look"])["words"]
        assert 2 == guest.opened


def test_a_question_that_was_not_begun_with_is_asked_again_once() -> None:
    with asking() as (guest, hotline):
        guest.dying = 1
        assert ["click"] == hotline(Deadline(SECONDS), ["click"])["words"]
        guest.dying = 2
        with pytest.raises(ResidentLost) as error:
            hotline(Deadline(SECONDS), ["click"])

    assert not error.value.begun


def test_one_that_listens_to_nobody_is_told() -> None:
    with asking() as (guest, hotline):
        place = guest.listener.getsockname()
        guest.end()
        guest.listener = socket.socket()
        guest.listener.bind(place)
        with pytest.raises(NoDesktop, match="listens to nobody"):
            hotline(Deadline(SECONDS), ["look"])


def test_what_breaks_there_is_told() -> None:
    with (
        asking(lambda _, words: (b"f", b"System.Exception: no")) as (_, hotline),
        pytest.raises(DesktopError, match=r"System\.Exception: no"),
    ):
        hotline(Deadline(SECONDS), ["look"])
