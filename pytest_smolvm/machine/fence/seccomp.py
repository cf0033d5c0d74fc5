"""The kernel's seccomp notifications: system calls held until another program has decided (seccomp_unotify(2))."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

# linux/seccomp.h. A notification is id, pid, flags and struct seccomp_data: number, arch, instruction, six arguments.
_NOTIFICATION = struct.Struct("=QII iIQ6Q")
_RESPONSE = struct.Struct("=Qqi I")
_ADDITION = struct.Struct("=QIIII")
_CONTINUE = 1
_SET_DESCRIPTOR = 1


def _ioctl(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | ord("!") << 8 | number


_RECEIVE = _ioctl(3, 0, _NOTIFICATION.size)
_SEND = _ioctl(3, 1, _RESPONSE.size)
_ADD_DESCRIPTOR = _ioctl(1, 3, _ADDITION.size)

# Answers of a filter, and its instructions (linux/filter.h).
_ALLOW, _NOTIFY, _FAIL = 0x7FFF0000, 0x7FC00000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_INSTRUCTION = struct.Struct("=HBBI")
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
# From here on, numbers are of x86's x32, whose calls do the same by other numbers.
_X32 = 0x40000000


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Numbers of system calls on one kind of processor."""

    arch: int
    """As the kernel names it to filters (linux/audit.h)."""
    prctl: int
    seccomp: int
    connect: int
    accept: int
    accept4: int
    listen: int
    sendto: int
    sendmsg: int
    sendmmsg: int
    recvfrom: int
    io_uring_setup: int = 425


CALLS = {
    "x86_64": Calls(
        arch=0xC000003E, prctl=157, seccomp=317, connect=42, accept=43, accept4=288, listen=50,
        sendto=44, sendmsg=46, sendmmsg=307, recvfrom=45,
    ),
    "aarch64": Calls(
        arch=0xC00000B7, prctl=167, seccomp=277, connect=203, accept=202, accept4=242, listen=201,
        sendto=206, sendmsg=211, sendmmsg=269, recvfrom=207,
    ),
}  # fmt: skip


def program(calls: Calls, *, receiving: bool, trusted: Collection[int]) -> bytes:
    """The filter that holds whatever leads to a new peer; what goes on over a connection runs at full speed.

    :param receiving: hold also what receives a datagram with its sender.
    :param trusted: descriptors on which messages are sent that lead nowhere else.
    """
    words = _with_address(calls.sendto)  # first what is called most
    if receiving:
        words += _with_address(calls.recvfrom)
    safe = [word for number in sorted(trusted) for word in (_jump(_EQUAL, number, 0, 1), _returning(_ALLOW))]
    words += [_jump(_EQUAL, calls.sendmsg, 0, len(safe) + 2), _jump(_LOAD, _ARGUMENTS_AT), *safe, _returning(_NOTIFY)]
    words += _held(calls.connect)
    # Either would be a way past the others; QEMU does without.
    words += [_jump(_EQUAL, calls.sendmmsg, 0, 1), _returning(_FAIL | errno.EPERM)]
    words += [_jump(_EQUAL, calls.io_uring_setup, 0, 1), _returning(_FAIL | errno.ENOSYS)]
    return _filter(calls, words)


def door_only(calls: Calls) -> bytes:
    """The filter that holds what lets others in, and nothing that leads out."""
    return _filter(calls, [])


def _filter(calls: Calls, words: list[bytes]) -> bytes:
    """What both have: one set of numbers, and who comes in is looked at."""
    begin = [_jump(_LOAD, _ARCH_AT), _jump(_EQUAL, calls.arch, 1, 0), _returning(_FAIL | errno.EPERM)]
    begin += [_jump(_LOAD, _NUMBER_AT)]
    end = [*_held(calls.accept), *_held(calls.accept4), *_held(calls.listen)]
    end += [_jump(_AT_LEAST, _X32, 0, 1), _returning(_FAIL | errno.ENOSYS)]
    return b"".join([*begin, *words, *end, _returning(_ALLOW)])


def _held(number: int) -> list[bytes]:
    return [_jump(_EQUAL, number, 0, 1), _returning(_NOTIFY)]


def _with_address(number: int) -> list[bytes]:
    """Hold the call if its fifth argument, the peer's address, is not NULL: else it is on a connection."""
    fifth = _ARGUMENTS_AT + 4 * 8
    held = [_jump(_LOAD, fifth), _jump(_EQUAL, 0, 0, 2), _jump(_LOAD, fifth + 4), _jump(_EQUAL, 0, 1, 0)]
    held += [_returning(_NOTIFY), _returning(_ALLOW)]
    return [_jump(_EQUAL, number, 0, len(held)), *held]


def _jump(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return _INSTRUCTION.pack(code, true, false, value)


def _returning(answer: int) -> bytes:
    return _jump(_RETURN, answer)


@dataclass(frozen=True)
class HeldCall:
    """A system call that waits for an answer."""

    id: int
    thread: int
    """The thread that made it."""
    number: int
    arguments: tuple[int, ...]


class Listener:
    """Where held calls arrive.

    :param descriptor: the kernel's, closed at the end of the block; from then on held calls fail.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def next(self) -> HeldCall | None:
        """Wait for the next call; None once no program is left that could make one."""
        while True:
            ((_, events),) = self._poll.poll()
            if not events & select.POLLIN:
                return None
            held = bytearray(_NOTIFICATION.size)
            try:
                fcntl.ioctl(self._descriptor, _RECEIVE, held)
            except FileNotFoundError:
                continue  # a signal took its thread out of the call
            ident, thread, _, number, _, _, *arguments = _NOTIFICATION.unpack(held)
            return HeldCall(ident, thread, number, tuple(arguments))

    def proceed(self, call: HeldCall) -> None:
        """Let the kernel do what was asked for."""
        self._send(call, 0, 0, _CONTINUE)

    def succeed(self, call: HeldCall, value: int) -> None:
        """The call returns `value`, and nothing is done."""
        self._send(call, value, 0, 0)

    def fail(self, call: HeldCall, error: int) -> None:
        """The call fails with `error`, an errno."""
        self._send(call, 0, -error, 0)

    def put(self, call: HeldCall, ours: int, theirs: int | None = None) -> int:
        """Give the waiting program a copy of our descriptor `ours`; its number there.

        :param theirs: the number to have, closing what has it; None takes a free one.
        """
        flags = 0 if theirs is None else _SET_DESCRIPTOR
        addition = bytearray(_ADDITION.pack(call.id, flags, ours, theirs or 0, os.O_CLOEXEC))
        return fcntl.ioctl(self._descriptor, _ADD_DESCRIPTOR, addition)

    def _send(self, call: HeldCall, value: int, error: int, flags: int) -> None:
        with suppress(FileNotFoundError):  # its thread is gone, or was interrupted and calls again
            fcntl.ioctl(self._descriptor, _SEND, bytearray(_RESPONSE.pack(call.id, value, error, flags)))
