"""Ports of the guest here, and ports of this host there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import TimedOut, UsageError
from tests.serving import serve_each


@pytest.fixture
def server() -> Iterator[int]:
    """A server of the test that greets whoever comes."""

    def greet(visitor: socket.socket) -> None:
        visitor.sendall(b"hello from the test\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_each, args=(listener, greet))
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _read(address: tuple[str, int], most: int = 1000) -> bytes:
    with socket.create_connection(address, 30) as client:
        client.settimeout(30)
        return client.recv(most)


def test_a_server_of_the_guest_is_reached_here(windows_vm_module: SmolVM) -> None:
    with windows_vm_module.forward(22) as address:
        windows_vm_module.set_env({"SMOLVM_PORTS": "x"})  # a new connection, under the forward

        assert _read(address).startswith(b"SSH-2.0-")


def test_the_wait_for_a_port_tells_that_nobody_listens(windows_vm_module: SmolVM) -> None:
    windows_vm_module.wait_for_port(22, timeout=30)

    with pytest.raises(TimedOut, match=r"port 9 of 127.0.0.1 in the guest: .*last seen: no connection to port 9"):
        windows_vm_module.wait_for_port(9, timeout=0.1)


def test_where_nobody_listens_the_connection_is_closed(windows_vm_module: SmolVM) -> None:
    with windows_vm_module.forward(9) as address:
        with suppress(ConnectionResetError):  # closed, too
            assert b"" == _read(address)


def test_a_server_of_the_test_is_reached_from_the_guest(windows_vm_module: SmolVM, server: int) -> None:
    with windows_vm_module.expose(server, guest_port=0) as port:
        windows_vm_module.wait_for_port(port, timeout=30)
        with windows_vm_module.forward(port) as address:  # as a program in the guest would connect
            assert b"hello from the test\n" == _read(address)

    with pytest.raises(TimedOut):
        windows_vm_module.wait_for_port(port, timeout=0.1)


@pytest.mark.parametrize("port", [0, 70_000])
def test_what_is_no_port_is_refused(windows_vm_module: SmolVM, port: int) -> None:
    with pytest.raises(UsageError), windows_vm_module.forward(port):
        pass
    with pytest.raises(UsageError), windows_vm_module.expose(port):
        pass
