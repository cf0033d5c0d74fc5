"""The program that puts itself behind a fence and becomes QEMU. It is run as a file, and imports nothing of ours.

Its words: the numbers of prctl and seccomp, the filter in hexadecimal, the guard's number, a socket to it, whether
there has to be a fence, the command.
"""

from __future__ import annotations

import _socket
import ctypes
import os
import sys

_NO_NEW_PRIVILEGES, _TRACER = 38, 0x59616D61  # linux/prctl.h
_SET_FILTER = 1  # linux/seccomp.h
# With the second, Linux before 5.16 does not slow the program down for fear of what it might speculate on.
_NEW_LISTENER, _SPECULATING = 8, 4


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _main(*words: str) -> None:
    prctl, seccomp, filtering, watcher, handover, needed, *command = words
    descriptor = int(handover)
    # Where Yama lets only parents look into a program, others have to be named. Without Yama there is no such call.
    _call(prctl, _TRACER, int(watcher), 0, 0, 0)
    raw = bytes.fromhex(filtering)
    held = _Program(len(raw) // 8, raw)
    listener = _call(prctl, _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if listener == 0:
        listener = _call(seccomp, _SET_FILTER, _NEW_LISTENER | _SPECULATING, ctypes.byref(held))
    if listener < 0 and int(needed):
        why = os.strerror(ctypes.get_errno())
        sys.exit(f"no fence can be put around QEMU here, network='host' does without: seccomp_unotify: {why}")
    if listener >= 0:
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, listener.to_bytes(4, sys.byteorder))]
        _socket.socket(fileno=descriptor).sendmsg([b"fenced"], rights)
    # Messages sent on this number are not held. So nothing else may ever have it.
    os.dup2(os.open(os.devnull, os.O_RDONLY), descriptor, inheritable=True)
    os.execvp(command[0], command)  # noqa: S606 - that is what this program is for


def _call(number: str, *arguments: object) -> int:
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in (int(number), *arguments)]
    return int(ctypes.CDLL(None, use_errno=True).syscall(*words))


if __name__ == "__main__":
    _main(*sys.argv[1:])
