"""The guest's network as QEMU makes it, with a fence and without; its guest is a namespace, so QEMU is measured."""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.setting import Setting
from tests.machine.fence.world import ALONE, SITE, World, world
from tests.serving import serve_each

ROUNDS = 6
BYTES = 200 * 2**20
CONNECTIONS = 200
_SINK, _SOURCE = 90, 91
_CHUNK = bytes(2**18)


def measure(_: Setting) -> dict[str, float]:
    """Rates per second and per processor second of QEMU's, and those of "open" over those of "host"."""
    command = [*ALONE, sys.executable, "-m", "benchmarks.network"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure, in namespaces of our own, and print it."""
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as place, world(Path(place)) as there, _servers(there):
        for number in range(ROUNDS):
            for mode in ("host", "open") if number % 2 else ("open", "host"):  # whoever is first may have it harder
                directory = Path(place, f"{number}-{mode}")
                directory.mkdir()
                for name, rate in _round(there, mode, directory).items():
                    rates.setdefault(f"network_{name}_{mode}", []).append(rate)
    found = {name: round(statistics.median(values), 2) for name, values in rates.items()}
    for name in [name.removesuffix("_open") for name in found if name.endswith("_open")]:
        found[f"{name}_open_over_host"] = round(found[f"{name}_open"] / found[f"{name}_host"], 3)
    print(json.dumps(found))


def _round(there: World, mode: str, directory: Path) -> dict[str, float]:
    found = {}
    with there.qemu(mode, directory) as qemu:
        for name, work in (("up", _up), ("down", _down)):
            used, started = qemu.cpu_seconds(), time.perf_counter()
            there.guest.do(work)
            found[f"{name}_mib_per_second"] = BYTES / 2**20 / (time.perf_counter() - started)
            found[f"{name}_mib_per_cpu_second"] = BYTES / 2**20 / (qemu.cpu_seconds() - used)
        started = time.perf_counter()
        there.guest.do(_connect)
        found["connections_per_second"] = CONNECTIONS / (time.perf_counter() - started)
    return found


def _up() -> None:
    with socket.create_connection((SITE, _SINK)) as client:
        for _ in range(BYTES // len(_CHUNK)):
            client.sendall(_CHUNK)
        client.shutdown(socket.SHUT_WR)
        client.recv(1)  # the end: all has arrived


def _down() -> None:
    left = BYTES
    with socket.create_connection((SITE, _SOURCE)) as client:
        while left > 0:
            left -= len(client.recv(len(_CHUNK)))


def _connect() -> None:
    for _ in range(CONNECTIONS):
        socket.create_connection((SITE, _SINK)).close()


@contextmanager
def _servers(there: World) -> Iterator[None]:
    """What swallows bytes and what gives them, out in the internet."""

    def swallow(visitor: socket.socket) -> None:
        while visitor.recv(len(_CHUNK)):
            pass

    def give(visitor: socket.socket) -> None:
        try:
            while True:
                visitor.sendall(_CHUNK)
        except OSError:
            return  # he has enough

    with there.listen(_SINK) as sink, there.listen(_SOURCE) as source:
        for listener, serve in ((sink, swallow), (source, give)):
            threading.Thread(target=serve_each, args=(listener, serve), daemon=True).start()
        yield


if __name__ == "__main__":
    main()
