"""What the process that runs tests and the one that makes guests ahead say to each other: JSON, and open files."""

from __future__ import annotations

import json
import os
import select
import socket
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.machine.hypervisor import Hypervisor

Message = dict[str, Any]
_LONGEST = 65536
_MOST_FILES = 4


def pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of such a conversation."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(connection: socket.socket, message: Message, *files: int) -> None:
    """Say something.

    :param files: descriptors, of which the other side gets copies.
    :raises OSError: nobody is there any more.
    """
    socket.send_fds(connection, [json.dumps(message).encode()], files)


def receive(connection: socket.socket, timeout: float | None = None) -> tuple[Message, list[int]] | None:
    """What the other side says next, and the files that come with it, for the caller to close.

    :param timeout: seconds to wait for it; None waits as long as it takes.
    :returns: None if the other side has ended.
    :raises TimeoutError: it says nothing.
    """
    if timeout is not None:  # by the kernel's clock: a test may stop Python's
        there = select.poll()
        there.register(connection, select.POLLIN)
        if not there.poll(timeout * 1000):
            raise TimeoutError
    try:
        text, files, _, _ = socket.recv_fds(connection, _LONGEST, _MOST_FILES)
    except ConnectionResetError:
        return None
    if not text:
        return None
    for file in files:
        os.set_inheritable(file, False)  # as all files are that Python opens
    message: Message = json.loads(text)
    return message, files


def close(files: list[int]) -> None:
    """Close files that nobody wants."""
    for file in files:
        with suppress(OSError):
            os.close(file)


def spec_to(spec: GuestSpec) -> Message:
    """A spec as a message."""
    said = {field.name: getattr(spec, field.name) for field in fields(spec)}
    network = spec.network if isinstance(spec.network, str) else list(spec.network)
    return {**said, "image": os.fspath(spec.image), "env_vars": dict(spec.env_vars), "network": network}


def spec_from(message: Message) -> GuestSpec:
    """The spec that became a message."""
    said: dict[str, Any] = {**message, "image": Path(message["image"])}
    return GuestSpec(**said)


def hypervisor_to(hypervisor: Hypervisor) -> Message:
    """A hypervisor as a message."""
    return asdict(hypervisor)


def hypervisor_from(message: Message) -> Hypervisor:
    """The hypervisor that became a message."""
    said: dict[str, Any] = {**message, "accelerator": Accelerator(**message["accelerator"])}
    return Hypervisor(**said)
