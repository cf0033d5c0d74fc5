"""Lines over a socket whose other end is QEMU's, or was."""

from __future__ import annotations

import socket

import pytest

from pytest_smolvm.errors import GuestDied
from pytest_smolvm.host.waiting import Deadline
from pytest_smolvm.machine.json_lines import JsonLines


def test_a_connection_that_was_closed_here() -> None:
    """As another thread does that ends the machine: no error of the system's own."""
    ours, theirs = socket.socketpair()
    lines = JsonLines(ours, "QEMU's monitor")
    ours.close()

    with theirs, pytest.raises(GuestDied):
        lines.receive(Deadline(5))
    with pytest.raises(GuestDied):
        lines.send({}, Deadline(5))
