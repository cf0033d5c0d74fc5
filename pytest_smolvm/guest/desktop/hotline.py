"""The port where a guest's library of the desktop answers by itself: each call of PowerShell takes longer than that."""

from __future__ import annotations

import json
import secrets
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pytest_smolvm.errors import DesktopError, GuestUnreachable, NoDesktop, ResidentLost, TimedOut
from pytest_smolvm.guest.commands.frames import Broken, Frames, NoAnswer
from pytest_smolvm.guest.commands.resident import SECRET_BYTES
from pytest_smolvm.guest.commands.workers import Route
from pytest_smolvm.guest.desktop import library
from pytest_smolvm.guest.desktop.library import RunInResident
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.secret import Secret, unseen
from pytest_smolvm.host.waiting import Deadline

_BEGUN, _BROKE = b"b", b"f"


class _Line:
    """One connection to it.

    :param ssh: what it goes through.
    """

    def __init__(self, ssh: Ssh, frames: Frames) -> None:
        self.ssh = ssh
        self.frames = frames
        self.begun = False
        """Whether the last question was begun with."""

    def ask(self, question: bytes, seconds: float) -> tuple[bytes, bytes]:
        """An answer, and its kind.

        :raises NoAnswer: it takes longer than so many seconds.
        :raises Broken: the other side has ended.
        """
        self.begun = False
        self.frames.send(b"Q", question, seconds)
        kind, said = self.frames.receive(seconds)
        if kind == _BEGUN:
            self.begun = True
            kind, said = self.frames.receive(seconds)
        return kind, said


class Hotline:
    """What a library of the desktop is asked over. Safe to use from several threads, which each have a line.

    :param using: lends the guest's connection.
    :param run: runs a script in the session of the user who is logged on.
    :param way: seconds that an answer may be under way, which are not counted.
    """

    def __init__(
        self, using: Callable[[], AbstractContextManager[Ssh]], run: RunInResident, way: float = library.WAY_SECONDS
    ) -> None:
        self._using = using
        self._run = run
        self._way = way
        self._opening = threading.Lock()
        """Held while the guest is asked; the other never is, since whoever calls `forget` may be who it waits for."""
        self._changing = threading.Lock()
        self._boots = 0
        self._idle: list[_Line] = []
        self._listening: tuple[int, str] | None = None  # its port, and the secret

    def __call__(self, deadline: Deadline, words: Sequence[str | int]) -> dict[str, Any]:
        """Its answer. Where it has never been compiled it is so first, which takes more than the deadline has.

        :raises TimedOut: there is none.
        :raises ResidentLost: the PowerShell that it is in ended meanwhile; it may have been done.
        :raises NoDesktop: that cannot be reached, or there is none.
        :raises DesktopError: the library broke.
        :raises CommandFailed: it could not be compiled.
        """
        seconds = library.patience(deadline)
        question = _question(seconds, words)
        with self._using() as ssh:
            try:
                kind, said = self._asked(ssh, question, seconds)
            except NoAnswer:
                raise TimedOut("an answer of the desktop", deadline.seconds or 0) from None
        if kind == _BROKE:
            raise DesktopError(said.decode("utf-8", "replace"))
        answer: dict[str, Any] = json.loads(said)
        return answer

    def forget(self) -> None:
        """The system that it was in has ended."""
        with self._changing:
            lines, self._idle, self._listening = self._idle, [], None
            self._boots += 1
        for line in lines:
            line.frames.close()

    def _asked(self, ssh: Ssh, question: bytes, seconds: float) -> tuple[bytes, bytes]:
        lost = 0
        while True:
            with self._line(ssh) as line:
                try:
                    return line.ask(question, seconds + self._way)
                except Broken as exc:
                    lost += 1
                    if line.begun or lost > 1:
                        raise self._loss(ssh, line.begun) from exc
                    line.frames.close()  # its PowerShell has ended since it was asked last

    @contextmanager
    def _line(self, ssh: Ssh) -> Iterator[_Line]:
        """One for the length of the block; it is kept if nothing happens in there."""
        line = self._kept(ssh) or self._opened(ssh)
        try:
            yield line
        except BaseException:
            line.frames.close()  # its answer may still come
            raise
        with self._changing:
            self._idle.append(line)

    def _kept(self, ssh: Ssh) -> _Line | None:
        """One that nobody uses."""
        while True:
            with self._changing:
                line = self._idle.pop() if self._idle else None
            if line is None or (line.ssh is ssh and not line.frames.ended):
                return line
            line.frames.close()

    def _opened(self, ssh: Ssh) -> _Line:
        try:
            return self._connected(ssh, *self._place())
        except GuestUnreachable:
            if not ssh.alive:
                raise
        with self._changing:
            self._listening = None  # the PowerShell that it was in has ended since
        try:
            return self._connected(ssh, *self._place())
        except GuestUnreachable as exc:
            if not ssh.alive:
                raise
            raise NoDesktop(f"the library that sees the desktop listens to nobody: {exc}") from exc

    def _place(self) -> tuple[int, str]:
        """Where it listens, and the secret."""
        with self._opening:
            with self._changing:
                place, boots = self._listening, self._boots
            if place is None:
                secret = Secret(secrets.token_hex(SECRET_BYTES))
                place = library.opened(self._run, secret), secret
                with self._changing:
                    self._listening = place if boots == self._boots else None
            return place

    def _connected(self, ssh: Ssh, port: int, secret: str) -> _Line:
        stream = ssh.tunnel("127.0.0.1", port)
        with unseen():
            stream.sendall(secret.encode())
        return _Line(ssh, Frames(stream))

    def _loss(self, ssh: Ssh, begun: bool) -> ResidentLost | GuestUnreachable:
        port = self._listening[0] if self._listening else 0
        if Route(ssh.tunnel, lambda: ssh.alive).broken(port):
            return GuestUnreachable("the SSH connection broke")
        return ResidentLost("the PowerShell that sees the desktop ended in the middle of a call", begun=begun)


def _question(seconds: float, words: Sequence[str | int]) -> bytes:
    parts = [str(word).encode("utf-8", "surrogatepass") for word in words]
    head = struct.pack("<ii", int(seconds * 1000), len(parts))
    return head + b"".join(struct.pack("<i", len(part)) + part for part in parts)
