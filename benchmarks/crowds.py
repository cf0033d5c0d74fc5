"""Spares, many guests at once, and what one of them takes."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.setting import MEMORY, Setting, seconds
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.pool.nursery import State
from pytest_smolvm.pool.warming import wait_until_idle

SPARE_TIMES = 5
GUESTS = 32
TESTS = 100
IDLE_SHARE = 0.03  # of a core and guest
SETTLE_SECONDS = 600.0
_MANY = f"""
import pytest

@pytest.mark.parametrize('n', range({TESTS}))
def test_guest(windows_vm, n):
    assert windows_vm.run('ver', shell='cmd').exit_code == 0
"""


def measure(setting: Setting) -> dict[str, float]:
    """Seconds, MiB, guests per minute."""
    return {**_spares(setting), **_crowd(setting), **_throughput(setting)}


def _spares(setting: Setting) -> dict[str, float]:
    handovers: list[float] = []
    firsts: list[float] = []
    calls: list[float] = []
    later: list[float] = []
    for _ in range(SPARE_TIMES):
        setting.pool.expect(setting.spec)
        assert setting.pool.spares.wait() is State.READY  # what is measured is the handing over
        vm = setting.vm("clone")
        handovers.append(seconds(vm.__enter__))  # with a login
        firsts.append(seconds(partial(vm.run, "ver", shell="cmd", check=True)))
        calls.append(seconds(partial(vm.run, "1", check=True)))
        later += [seconds(partial(vm.run, "1", check=True)) for _ in range(SPARE_TIMES)]
        vm.close()
    return {
        "spare_handover_seconds": round(statistics.median(handovers), 3),
        "spare_first_command_seconds": round(statistics.median(firsts), 3),
        "spare_first_powershell_seconds": round(statistics.median(calls), 3),
        "spare_first_over_later_powershell": round(statistics.median(calls) / statistics.median(later), 2),
    }


def _crowd(setting: Setting) -> dict[str, float]:
    with ExitStack() as stack:
        vms = [stack.enter_context(setting.vm("clone")) for _ in range(GUESTS)]
        machines = [vm._running().machine for vm in vms]
        idle = _weigh(machines, "idle_clone")
        answers = sum("Windows" in vm.run("ver", shell="cmd", check=True).stdout for vm in vms)
        found: dict[str, float] = {"guests_at_once": answers, **idle, **_weigh(machines, "used_clone")}
    return found


def _weigh(machines: list[Machine], name: str) -> dict[str, float]:
    """Memory of the median one, and disk of the largest, after what waking, or a command, made them do."""
    wait_until_idle(machines, IDLE_SHARE, SETTLE_SECONDS)
    disks = [
        sum(file.stat().st_blocks * 512 for file in machine.files.path.rglob("*") if _own(file)) for machine in machines
    ]
    pss = statistics.median(_pss(machine.child.pid) for machine in machines)
    return {f"{name}_pss_mib": round(pss, 1), f"{name}_disk_mib": round(max(disks) / 2**20, 2)}


def _throughput(setting: Setting) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place:
        Path(place, "test_many.py").write_text(_MANY, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-n2", "-p", "no:cacheprovider", place]
        options = [
            f"--smolvm-image={setting.image}",
            f"--smolvm-store={setting.pool.store.root}",
            f"--smolvm-memory={MEMORY}",
        ]
        took = seconds(lambda: subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL))
    return {"hundred_tests_seconds": round(took, 1), "guests_per_minute": round(TESTS / took * 60, 1)}


def _pss(pid: int) -> float:
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found.group(1)) / 1024


def _own(file: Path) -> bool:
    """Whether it is a file of the clone's alone: its overlays' bases are links to its template's files."""
    return file.is_file() and file.stat().st_nlink == 1
