"""The process that watches fences: one for all guests of a process, with a thread for each.

Guests are announced on a socket, and it ends when that is closed.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from pytest_smolvm.machine.fence.attempts import Attempts
from pytest_smolvm.machine.fence.gate import Gate
from pytest_smolvm.machine.fence.names import Names
from pytest_smolvm.machine.fence.seccomp import Listener
from pytest_smolvm.machine.fence.watch import Watch
from pytest_smolvm.machine.network import network

_RESOLV_CONF = Path("/etc/resolv.conf")
_LONGEST = 65536


def main(control: int) -> None:
    """Watch the guests that are announced on the socket `control`."""
    names = Names()
    with socket.socket(fileno=control) as announcing:
        while True:
            raw, passed, _, _ = socket.recv_fds(announcing, _LONGEST, 1)
            if not raw:
                os._exit(0)  # whoever needed us is gone, and so are the guests
            wanted = json.loads(raw)
            handover = socket.socket(fileno=passed[0])
            threading.Thread(target=_watch, args=(wanted, handover, names), name="watch", daemon=True).start()


def nameservers() -> frozenset[IPv4Address]:
    """The host's name servers, as QEMU finds them."""
    found = set()
    try:
        lines = _RESOLV_CONF.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                found.add(IPv4Address(words[1]))
            except AddressValueError:
                continue  # guests have no IPv6
    return frozenset(found)


def _watch(wanted: dict[str, str | list[str]], handover: socket.socket, names: Names) -> None:
    with handover:
        raw, passed, _, _ = socket.recv_fds(handover, 16, 1)
    if not raw:
        return  # no QEMU came to be
    gate = Gate(network(wanted["network"]), names, nameservers)
    with open(str(wanted["log"]), "a", encoding="utf-8") as log, Listener(passed[0]) as listener:
        Watch(listener, gate, Attempts(log)).run()
