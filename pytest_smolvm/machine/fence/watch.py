"""One guest's fence: each call that QEMU makes to reach somebody new, answered."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

from pytest_smolvm.machine.fence.attempts import Attempts
from pytest_smolvm.machine.fence.door import Door
from pytest_smolvm.machine.fence.gate import Gate
from pytest_smolvm.machine.fence.questions import Questions
from pytest_smolvm.machine.fence.seccomp import CALLS, HeldCall, Listener
from pytest_smolvm.machine.fence.tracee import Peer, Tracee

# What a system says to its own network unasked: NetBIOS, SSDP, mDNS, LLMNR. Nobody wants to read of it.
_CHATTER = {137, 138, 1900, 5353, 5355}


class Watch:
    """The answering.

    :param listener: where calls arrive.
    :param gate: decides.
    :param attempts: where it is written down.
    """

    def __init__(self, listener: Listener, gate: Gate, attempts: Attempts) -> None:
        self._listener = listener
        self._gate = gate
        self._attempts = attempts
        self._questions = Questions(listener, gate, attempts)
        self._door = Door(listener, attempts)
        calls = CALLS[os.uname().machine]
        self._answers = {
            calls.connect: self._connect,
            calls.sendto: self._send_to,
            calls.sendmsg: self._send_message,
            calls.recvfrom: self._questions.receive,
            calls.listen: self._door.listen,
            calls.accept: self._door.accept,
            calls.accept4: self._door.accept,
        }

    def run(self) -> None:
        """Answer until QEMU is gone."""
        call = self._listener.next()
        if call is None:
            return
        # The first call is QEMU's own: what ran before it made none.
        with Tracee(call.thread) as tracee:
            while call is not None:
                try:
                    self._answers[call.number](call, tracee)
                except (OSError, ValueError):  # QEMU is being killed, or passed nonsense
                    with suppress(OSError):
                        self._listener.fail(call, errno.EACCES)
                call = self._listener.next()

    def _connect(self, call: HeldCall, tracee: Tracee) -> None:
        peer = tracee.peer(call.arguments[1], call.arguments[2])
        # QEMU answers this one with a reset, so that the guest's program need not wait.
        self._let(call, peer, "tcp", errno.ECONNREFUSED)

    def _send_to(self, call: HeldCall, tracee: Tracee) -> None:
        peer = tracee.peer(call.arguments[4], call.arguments[5])
        if self._gate.answers_questions and self._gate.is_nameserver(peer.address, peer.port):
            self._questions.send(call, tracee, peer)
        else:
            self._questions.give_back(call, tracee)
            self._let(call, peer, "udp", errno.EACCES)

    def _send_message(self, call: HeldCall, tracee: Tracee) -> None:
        peer = tracee.message_peer(call.arguments[1])
        if peer is None:
            self._listener.proceed(call)
        else:
            self._let(call, peer, "udp", errno.EACCES)

    def _let(self, call: HeldCall, peer: Peer, kind: str, error: int) -> None:
        if peer.local:
            self._listener.proceed(call)
            return
        if peer.family != socket.AF_INET:
            self._listener.fail(call, error)
            return
        refused = self._gate.refusal(peer.address, peer.port)
        if not (kind == "udp" and peer.port in _CHATTER):  # before the guest knows, so that whoever then looks finds it
            self._attempts.note(kind, f"{peer.address}:{peer.port}", refused)
        if refused:
            self._listener.fail(call, error)
        else:
            self._listener.proceed(call)
