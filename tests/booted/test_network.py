"""What guests reach by their `network`, each mode in a clone of one template."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.store import Store
from tests.booted.conftest import pool_on
from tests.serving import serve_each

CONNECT = r"""
param($name, $port)
$client = New-Object Net.Sockets.TcpClient
try {
    $client.Connect($name, $port)
    (New-Object IO.StreamReader $client.GetStream()).ReadLine()
} catch {
    'refused'
}
"""
HOST = "10.0.2.2"
"""This host's loopback, as a guest knows it."""
HELLO = "hello from the test"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[int, int]]:
    """Two servers on this host's loopback that greet whoever comes; their ports."""

    def greet(visitor: socket.socket) -> None:
        visitor.sendall(f"{HELLO}\r\n".encode())

    with ExitStack() as stack:
        ports = []
        for _ in range(2):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            threading.Thread(target=serve_each, args=(listener, greet), daemon=True).start()
            ports.append(listener.getsockname()[1])
        yield ports[0], ports[1]


def reaches(vm: SmolVM, port: int, name: str = HOST) -> str:
    return vm.run(CONNECT, args=[name, port]).check().stdout.strip()


def entered(stack: ExitStack, spec: GuestSpec, store: Store, network: str | Sequence[str]) -> SmolVM:
    pool = pool_on(store)
    stack.callback(pool.close)
    return stack.enter_context(SmolVM.of(spec.having(network=network), pool))


def other_user_is_turned_away(vm: SmolVM) -> None:
    """He finds the port, but not the guest behind it."""
    connect = "import socket, sys; print(socket.create_connection(('127.0.0.1', int(sys.argv[1])), 60).recv(8))"
    words = [sys.executable, "-I", "-c", connect, str(vm._running().machine.ssh_port)]

    assert b"b'SSH-2.0-'\n" == subprocess.run(words, capture_output=True, check=True, cwd="/").stdout
    done = subprocess.run([*NOBODY, *words], capture_output=True, check=False, cwd="/")
    assert b"SSH" not in done.stdout
    assert done.stdout == b"b''\n" or b"ConnectionResetError" in done.stderr


def other_user_finds_nothing(vm: SmolVM, store: Store) -> None:
    """Neither in the store nor in QEMU. He is put right before it, since what lies above may be closed to him, too."""
    read = """
import os, sys
for name in sys.argv[1:]:
    try:
        print(name, os.listdir(name) if os.path.isdir(name) else open(name, "rb").read(1))
    except OSError:
        pass
"""
    machine = vm._running().machine
    parts = [part for part in store.root.iterdir() if part.is_dir()]
    places = {place: [".", *os.listdir(place)] for place in (*parts, machine.files.path, *store.templates.iterdir())}
    places[Path("/proc", str(machine.child.pid))] = ["environ", "fd", "map_files", "mem", "root"]
    for place, names in places.items():
        words = [sys.executable, "-I", "-c", read, *names]
        assert subprocess.run(words, capture_output=True, check=True, cwd=place).stdout
        assert b"" == subprocess.run([*NOBODY, *words], capture_output=True, check=True, cwd=place).stdout


@pytest.mark.parametrize(
    ("network", "reached"),
    [
        ("host", [HELLO, HELLO]),
        ("open", ["refused", "refused"]),
        ("off", ["refused", "refused"]),
        (["127.0.0.1:{}"], [HELLO, "refused"]),
    ],
    ids=["host", "open", "off", "rules"],
)
def test_each_mode_in_a_clone(
    network: str | list[str], reached: list[str], spec: GuestSpec, store: Store, servers: tuple[int, int]
) -> None:
    wanted = network if isinstance(network, str) else [rule.format(servers[0]) for rule in network]
    with ExitStack() as stack:
        vm = entered(stack, spec, store, wanted)

        other_user_is_turned_away(vm)
        other_user_finds_nothing(vm, store)
        assert reached == [reaches(vm, port) for port in servers]
        refused = [port for port, told in zip(servers, reached, strict=True) if told == "refused"]
        assert {f"tcp 127.0.0.1:{port}" for port in refused} == {
            line.partition(": ")[0] for line in vm.refused if "tcp" in line
        }
        with vm.expose(servers[1], guest_port=0) as port, vm.forward(port) as address:
            with socket.create_connection(address, 60) as client:
                assert HELLO in client.recv(100).decode()


class Redirecting(BaseHTTPRequestHandler):
    """Sends whoever asks for /PORT to that port."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://{HOST}:{self.path.strip('/')}/")
        self.end_headers()


def test_a_redirect_does_not_lead_out(spec: GuestSpec, store: Store, servers: tuple[int, int]) -> None:
    fetch = "param($url) try { (New-Object Net.WebClient).DownloadString($url) } catch { 'refused' }"
    with ExitStack() as stack:
        server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Redirecting))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        vm = entered(stack, spec, store, [f"127.0.0.1:{server.server_port}"])
        url = f"http://{HOST}:{server.server_port}/{servers[0]}"

        assert "refused" == vm.run(fetch, args=[url]).check().stdout.strip()
        assert [f"tcp 127.0.0.1:{servers[0]}"] == [line.partition(": ")[0] for line in vm.refused if "tcp" in line]


def test_a_guest_does_not_reach_another_guest(spec: GuestSpec, store: Store) -> None:
    with ExitStack() as stack:
        other = entered(stack, spec, store, "open")
        other.wait_for_ssh()
        port = other._running().machine.ssh_port

        assert "refused" == reaches(entered(stack, spec, store, "open"), port)
