"""A guest's questions about names, answered by us instead of a name server.

QEMU sends them as datagrams. Its socket is exchanged for one whose other end is here; what it reads from that seems
to it to come from the name server.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from pytest_smolvm.machine.fence import dns
from pytest_smolvm.machine.fence.attempts import Attempts
from pytest_smolvm.machine.fence.gate import Gate
from pytest_smolvm.machine.fence.names import Answer
from pytest_smolvm.machine.fence.seccomp import HeldCall, Listener
from pytest_smolvm.machine.fence.tracee import Peer, Tracee

_LONGEST = 4096
# QEMU forgets a questioner after seconds. One who is forgotten only here gets a new socket with his next question.
_MOST_SOCKETS = 256


@dataclass(frozen=True)
class _Exchange:
    """A pair of sockets in place of one of QEMU's."""

    ours: socket.socket
    theirs: socket.socket
    """The same socket that QEMU has."""
    server: Peer
    """Who seems to answer."""

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


class Questions:
    """The answering.

    :param listener: to answer calls with.
    :param gate: knows which names may be asked.
    :param attempts: where it is written down.
    """

    def __init__(self, listener: Listener, gate: Gate, attempts: Attempts) -> None:
        self._listener = listener
        self._gate = gate
        self._attempts = attempts
        self._exchanges: dict[int, _Exchange] = {}

    def send(self, call: HeldCall, tracee: Tracee, server: Peer) -> None:
        """Take a datagram that is for the name server."""
        exchange = self._exchange(call, tracee, server)
        packet = tracee.read(call.arguments[1], min(call.arguments[2], _LONGEST))
        self._listener.succeed(call, call.arguments[2])
        try:
            asked = dns.question(packet)
        except ValueError:
            return  # a name server would not answer it either
        allowed = self._gate.may_ask(asked.name)
        self._attempts.note("name", asked.name, "" if allowed else "no rule means it")
        if not allowed:
            _reply(exchange.ours, asked, Answer((), True, 0))
        else:
            self._gate.tell(asked.name, partial(_reply, exchange.ours, asked))

    def receive(self, call: HeldCall, tracee: Tracee) -> None:
        """Hand out an answer, if that is what QEMU is about to read."""
        exchange = self._exchanges.get(tracee.socket_of(call.arguments[0]))
        if exchange is None:
            self._listener.proceed(call)
            return
        _, buffer, size, _, address, length = call.arguments
        try:
            packet = exchange.theirs.recv(_LONGEST, socket.MSG_DONTWAIT)[:size]
        except BlockingIOError as exc:
            self._listener.fail(call, exc.errno)
            return
        tracee.write(buffer, packet)
        tracee.write_peer(exchange.server, address, length)
        self._listener.succeed(call, len(packet))

    def give_back(self, call: HeldCall, tracee: Tracee) -> None:
        """If QEMU's socket was exchanged, make it one to the network again: something else is sent on it."""
        exchange = self._exchanges.pop(tracee.socket_of(call.arguments[0]), None)
        if exchange is not None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as plain:
                self._listener.put(call, plain.fileno(), call.arguments[0])
            exchange.close()

    def _exchange(self, call: HeldCall, tracee: Tracee, server: Peer) -> _Exchange:
        known = self._exchanges.get(tracee.socket_of(call.arguments[0]))
        if known is not None:
            return known
        made = _Exchange(*_pair(), server)
        self._listener.put(call, made.theirs.fileno(), call.arguments[0])
        if len(self._exchanges) >= _MOST_SOCKETS:
            self._exchanges.pop(next(iter(self._exchanges))).close()
        self._exchanges[tracee.socket_of(call.arguments[0])] = made
        return made


def _pair() -> tuple[socket.socket, socket.socket]:
    """Two sockets that hear of each other only. Not of AF_UNIX: asked for errors, as QEMU does, those give data."""
    one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for _ in range(2))
    one.bind(("127.0.0.1", 0))
    other.bind(("127.0.0.1", 0))
    one.connect(other.getsockname())
    other.connect(one.getsockname())
    return one, other


def _reply(to: socket.socket, asked: dns.Question, found: Answer) -> None:
    """Answer one question. A guest has no IPv6, so that for every other kind a name has nothing."""
    missing = dns.UNKNOWN if found.known else dns.FAILED
    code = dns.FINE if found.addresses else missing
    told = found.addresses if asked.kind == dns.A else ()
    with suppress(OSError):  # he has gone, or does not read: then he asks again
        to.send(dns.answer(asked, code, told, found.seconds))
