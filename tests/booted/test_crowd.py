"""More guests at once than memory holds, in a container: each is served in turn, and the kernel has to kill none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pytest

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import limits
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import until
from pytest_smolvm.pool.leases import weight

GUESTS, PROCESSES = 32, 4
LIMIT_MIB = 6144
# One process of several. It asks for its guests at once, a thread each, as soon as somebody says go.
CROWD = """
import json, sys, threading, time
from pathlib import Path

from pytest_smolvm import GuestSpec, SmolVM
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import hypervisor
from pytest_smolvm.pool.pool import Pool

def ask():
    with SmolVM.of(spec, pool) as vm:
        began = time.monotonic()
        ok = vm.run("ver", shell="cmd", timeout=600).exit_code == 0
        print(json.dumps([began, time.monotonic(), ok]), flush=True)

store, image, memory, guests = sys.argv[1:]
store = Store.at(Path(store))
pool = Pool(store, hypervisor.find(store), Silent())
spec = GuestSpec(image=Path(image), memory=int(memory))
threads = [threading.Thread(target=ask) for _ in range(int(guests))]
print("ready", flush=True)
sys.stdin.readline()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


class MemoryGroup:
    """A control group with a limit on its memory, of either version (cgroups(7)).

    :param path: its directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._second = (path / "memory.max").exists()

    def limit(self, mebibytes: int) -> None:
        """Let it have so much."""
        name = "memory.max" if self._second else "memory.limit_in_bytes"
        (self.path / name).write_text(str(mebibytes * 2**20), encoding="ascii")

    def await_end(self) -> None:
        """Wait until nobody is in it."""
        members = self.path / "cgroup.procs"
        until("the end of all who are in the group", lambda: not members.read_text(encoding="ascii"), timeout=60.0)

    @property
    def kills(self) -> int:
        """How many of its processes the kernel has killed for want of memory."""
        text = (self.path / ("memory.events" if self._second else "memory.oom_control")).read_text(encoding="ascii")
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])

    @property
    def peak_mib(self) -> int:
        """The most it had at any time, what files are cached included; 0 if the kernel does not say."""
        name = "memory.peak" if self._second else "memory.max_usage_in_bytes"
        path = self.path / name
        return int(path.read_text(encoding="ascii")) // 2**20 if path.exists() else 0


@contextmanager
def memory_group(mebibytes: int) -> Iterator[MemoryGroup]:
    """A group inside our own; skips where none can be made."""
    with ExitStack() as stack:
        try:
            path = limits.groups("memory")[0] / f"smolvm-crowd-{os.getpid()}"
            path.mkdir()
            stack.callback(path.rmdir)
            group = MemoryGroup(path)
            stack.callback(group.await_end)
            group.limit(mebibytes)
            assert group.kills == 0
        except (IndexError, OSError, KeyError) as exc:
            pytest.skip(f"no control group with a limit can be made here: {exc!r}")
        yield group


@contextmanager
def crowd_in(group: MemoryGroup, words: list[str]) -> Iterator[list[subprocess.Popen[str]]]:
    """Several processes in a group, ready to ask for guests; ended with the block."""
    enter = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', os.fspath(group.path)]
    environment = {**os.environ, "SMOLVM_TIMEOUT_SCALE": "5"}  # many guests on few processors
    with ExitStack() as stack:
        crowd = []
        for _ in range(PROCESSES):
            command = [*enter, sys.executable, "-c", CROWD, *words]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            crowd.append(process)
        assert ["ready\n"] * PROCESSES == [read(process).readline() for process in crowd]
        yield crowd


def read(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


@pytest.mark.slow
def test_32_guests_at_once_in_six_gigabytes(
    spec: GuestSpec, calm_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    words = list(map(str, (calm_store.root, spec.image, spec.memory, GUESTS // PROCESSES)))
    with memory_group(LIMIT_MIB) as group, crowd_in(group, words) as crowd:
        for process in crowd:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        served = [json.loads(line) for process in crowd for line in read(process)]
        assert [0] * PROCESSES == [process.wait() for process in crowd]
        kills, peak = group.kills, group.peak_mib

    most = max(sum(began <= moment < ended for began, ended, _ in served) for moment, _, _ in served)
    with capsys.disabled():
        print(f"\n{len(served)} guests served, at most {most} at once; peak {peak} of {LIMIT_MIB} MiB; {kills} killed")
    assert [True] * GUESTS == [ok for _, _, ok in served]
    assert 0 == kills
    assert 1 < most <= (LIMIT_MIB - 1024) // weight(spec)
    assert [] == list(calm_store.leases.iterdir())
