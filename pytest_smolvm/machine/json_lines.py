"""Messages of JSON, a line each, over a socket that QEMU has the other end of."""

from __future__ import annotations

import json
import socket
from typing import Any

from pytest_smolvm.errors import GuestDied, TimedOut
from pytest_smolvm.host.waiting import Deadline

_SHORTEST_SECONDS = 0.001
_QEMU_ENDED = "QEMU ended"


class JsonLines:
    """One conversation.

    :param connection: the caller closes it.
    :param who: is spoken to, for errors.
    :param unread: what was said on it before, and nobody has taken note of.
    """

    def __init__(self, connection: socket.socket, who: str, unread: bytes = b"") -> None:
        self._connection = connection
        self._who = who
        self._buffer = bytearray(unread)

    def left(self) -> tuple[socket.socket, bytes]:
        """What somebody else goes on with: connection and `unread`."""
        return self._connection, bytes(self._buffer)

    def send(
        self, request: dict[str, Any], deadline: Deadline, *, mark: bytes = b"", passed: socket.socket | None = None
    ) -> None:
        """Say something.

        :param mark: comes before it.
        :param passed: a socket that goes with it.
        :raises TimedOut: nobody takes it.
        :raises GuestDied: the connection closed.
        """
        words = mark + json.dumps(request).encode() + b"\n"
        try:
            self._be_patient(deadline)
            if passed is not None:  # what is passed comes with the first byte
                words = words[socket.send_fds(self._connection, [words], [passed.fileno()]) :]
            self._connection.sendall(words)
        except TimeoutError as exc:
            raise TimedOut(f"{self._who} to listen", deadline.seconds or 0) from exc
        except OSError as exc:
            raise GuestDied(_QEMU_ENDED) from exc

    def receive(self, deadline: Deadline) -> bytes:
        """The next line, without its end.

        :raises TimedOut: there is none.
        :raises GuestDied: the connection closed.
        """
        while b"\n" not in self._buffer:
            if deadline.passed:
                raise TimedOut(f"an answer of {self._who}", deadline.seconds or 0)
            try:
                self._be_patient(deadline)  # another thread may have closed it since
                chunk = self._connection.recv(65536)
            except TimeoutError:
                continue
            except OSError as exc:
                raise GuestDied(_QEMU_ENDED) from exc
            if not chunk:
                raise GuestDied(_QEMU_ENDED)
            self._buffer += chunk
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = bytearray(rest)
        return bytes(line)

    def _be_patient(self, deadline: Deadline) -> None:
        # Not 0, though its moment may come just now: that would mean not to wait at all, and fail otherwise.
        left = deadline.left
        self._connection.settimeout(None if left is None else max(left, _SHORTEST_SECONDS))
