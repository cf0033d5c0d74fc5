"""A world of a test's own: a host, its neighbour, the internet, and a QEMU whose guest is Linux' network stack here.

It is for a process that :func:`alone` started: root in namespaces of its own, so nothing leads out of it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pytest_smolvm.host import programs
from pytest_smolvm.machine.fence import fence
from pytest_smolvm.machine.fence.attempts import attempts
from pytest_smolvm.machine.network import network
from pytest_smolvm.machine.qmp import Monitor
from tests.serving import serve_each

HOST, NEIGHBOUR = "192.168.77.2", "192.168.77.1"
SITE, OTHER_SITE, NAMESERVER = "44.1.2.3", "44.1.2.4", "44.1.2.53"
"""Servers out in the internet: which is one network card away here."""
_CLONE_NEWNET = 0x40000000
_TUNSETIFF, _TAP, _NO_INFO = 0x400454CA, 2, 0x1000
_IP_RECVERR = 11
_SECONDS = 20.0
_LOG = "network.log"
Result = TypeVar("Result")


ALONE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--")
"""Words before those of a program that is to be root in namespaces of its own."""


def can_be_alone() -> bool:
    """Whether this user can have namespaces, and network cards in them."""
    trial = [*ALONE, "sh", "-c", "exec 3<>/dev/net/tun && ip link add one type veth peer name other"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def alone(module: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a test module as root in namespaces of its own."""
    pytest = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=")
    command = (*ALONE, *pytest, os.fspath(module), *arguments)
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@dataclass
class Space:
    """A network namespace."""

    descriptor: int

    def do(self, what: Callable[[], Result]) -> Result:
        """Call `what` in it."""
        results: list[Result] = []
        errors: list[Exception] = []

        def enter() -> None:
            try:
                if ctypes.CDLL(None, use_errno=True).setns(self.descriptor, _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
                results.append(what())
            except Exception as exc:  # noqa: BLE001 - it is raised where the caller is
                errors.append(exc)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    def ip(self, words: str) -> None:
        """Run iproute2's ``ip`` in it."""
        command = ["ip", *words.split()]
        self.do(lambda: subprocess.run(command, check=True, capture_output=True, text=True))


def _new_space() -> Space:
    def leave() -> int:
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    here = Space(os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
    space = Space(here.do(leave))
    space.ip("link set lo up")
    return space


@dataclass(frozen=True)
class Qemu:
    """A running one."""

    process: int
    directory: Path

    def tried(self) -> list[str]:
        """What was noted of the guest's attempts."""
        return [str(attempt) for attempt in attempts(self.directory / _LOG)]

    def cpu_seconds(self) -> float:
        """Processor time it has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class World:
    """The host, which is where the test runs, and what is around it."""

    host: Space
    internet: Space
    guest: Space
    hosts: Path
    """In the place of /etc/hosts."""
    servers: ExitStack = field(default_factory=ExitStack)

    def name(self, names: dict[str, str]) -> None:
        """From now on the host's resolver knows these names, and no others."""
        self.hosts.write_text("".join(f"{address} {name}\n" for name, address in names.items()), encoding="ascii")

    def serve(self, space: Space, address: str, port: int) -> int:
        """A server that says its own address to whoever connects, or sends it a datagram; its port."""
        listener = space.do(lambda: socket.create_server((address, port)))
        where = f"{address}:{listener.getsockname()[1]}"
        talker = space.do(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        talker.bind((address, listener.getsockname()[1]))
        for serving in (_greet, _echo):
            threading.Thread(
                target=serving, args=(listener if serving is _greet else talker, where), daemon=True
            ).start()
        self.servers.callback(listener.close)
        self.servers.callback(talker.close)
        return int(listener.getsockname()[1])

    def listen(self, port: int) -> socket.socket:
        """A listening socket at a port of the first site."""
        return self.internet.do(lambda: socket.create_server((SITE, port)))

    def reaches(self, address: str, port: int) -> str:
        """What the guest is told at a port: the server's greeting, or why there is none."""

        def connect() -> str:
            try:
                with socket.create_connection((address, port), _SECONDS) as client:
                    return client.recv(100).decode()
            except OSError as exc:
                return type(exc).__name__

        return self.guest.do(connect)

    def asks(self, address: str, port: int, datagram: bytes, seconds: float = _SECONDS) -> bytes | None:
        """What the guest is answered to a datagram; None if it is told that this leads nowhere, or nothing for `seconds`."""

        def send() -> bytes | None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(seconds)
                client.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)  # or "no such network" would not be told
                client.connect((address, port))
                try:
                    client.send(datagram)
                    return client.recv(4096)
                except OSError:
                    return None

        return self.guest.do(send)

    def asks_in_turn(self, datagrams: Sequence[tuple[str, int, bytes]]) -> list[bytes]:
        """The answers to datagrams sent from one port, each after the last one's answer."""

        def send() -> list[bytes]:
            answers = []
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(_SECONDS)
                for address, port, datagram in datagrams:
                    client.sendto(datagram, (address, port))
                    answer, sender = client.recvfrom(4096)
                    assert (address, port) == sender
                    answers.append(answer)
            return answers

        return self.guest.do(send)

    def kill_guard(self) -> None:
        """Kill this process's guard."""
        guard = fence.GUARDS.one().process
        guard.kill()
        guard.wait()

    @contextmanager
    def qemu(self, wanted: str | Sequence[str], directory: Path) -> Iterator[Qemu]:
        """QEMU's user network between guest and host, with no computer in it."""
        with ExitStack() as stack:
            wire = self.guest.do(_tap)
            stack.callback(os.close, wire)
            self.guest.ip("address add 10.0.2.15/24 dev wire")
            self.guest.ip("link set wire up")
            self.guest.ip("route add default via 10.0.2.2")
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            stack.enter_context(theirs)
            around = stack.enter_context(fence.fenced(network(wanted), directory / _LOG, [theirs.fileno()]))
            command = ["qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display", "none"]
            command += ["-netdev", "user,id=net,ipv6=off", "-netdev", f"tap,id=wire,fd={wire}"]
            command += ["-netdev", "hubport,id=one,hubid=0,netdev=net", "-netdev", "hubport,id=two,hubid=0,netdev=wire"]
            command += ["-chardev", f"socket,id=monitor,fd={theirs.fileno()}", "-mon", "chardev=monitor,mode=control"]
            log = directory / "qemu.log"
            descriptors = (wire, theirs.fileno(), *around.descriptors)
            child = stack.enter_context(programs.running((*around.words, *command), log=log, pass_fds=descriptors))
            theirs.close()
            Monitor(ours).greet()
            yield Qemu(child.pid, directory)


def _tap() -> int:
    wire = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(wire, _TUNSETIFF, struct.pack("16sH22x", b"wire", _TAP | _NO_INFO))
    return wire


@contextmanager
def world(directory: Path) -> Iterator[World]:
    """All of it, for the length of the block.

    :param directory: for what takes the place of the host's own files about names.
    """
    host = Space(os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
    host.ip("link set lo up")
    made = World(host, _new_space(), _new_space(), directory / "hosts")
    _connect(made.host, made.internet)
    made.name({})
    (directory / "resolv.conf").write_text(f"nameserver {NAMESERVER}\noptions timeout:1 attempts:1\n", encoding="ascii")
    for file in ("hosts", "resolv.conf"):
        subprocess.run(["mount", "--bind", directory / file, Path("/etc", file).resolve()], check=True)
    with made.servers:
        yield made


def _connect(host: Space, internet: Space) -> None:
    host.ip(f"link add card type veth peer name far netns /proc/{os.getpid()}/fd/{internet.descriptor}")
    host.ip(f"address add {HOST}/24 dev card")
    host.ip("link set card up")
    internet.ip(f"address add {NEIGHBOUR}/24 dev far")
    for address in (SITE, OTHER_SITE, NAMESERVER):
        internet.ip(f"address add {address}/32 dev far")
    internet.ip("link set far up")
    host.ip(f"route add default via {NEIGHBOUR}")


def _greet(listener: socket.socket, words: str) -> None:
    serve_each(listener, lambda visitor: visitor.sendall(words.encode()))


def _echo(talker: socket.socket, words: str) -> None:
    while True:
        try:
            _, sender = talker.recvfrom(4096)
            talker.sendto(words.encode(), sender)
        except OSError:
            return
