"""Spares, many guests at once, and what one of them takes."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.setting import MEMORY, Setting, seconds

SPARE_TIMES = 5
GUESTS = 32
TESTS = 100


def measure(setting: Setting) -> dict[str, float]:
    """Seconds, MiB, guests per minute."""
    return {**_spares(setting), **_crowd(setting), **_throughput(setting)}


def _spares(setting: Setting) -> dict[str, float]:
    handovers, firsts, calls, later = [], [], [], []
    for _ in range(SPARE_TIMES):
        setting.pool.expect(setting.spec)
        assert setting.pool._spare is not None
        setting.pool._spare._future.result()  # ready: what is measured is the handing over
        vm = setting.vm("clone")
        handovers.append(seconds(vm.__enter__))
        firsts.append(seconds(lambda vm=vm: vm.run("ver", shell="cmd", check=True)))  # type: ignore[misc]
        calls.append(seconds(lambda vm=vm: vm.run("1", check=True)))  # type: ignore[misc]
        later += [seconds(lambda vm=vm: vm.run("1", check=True)) for _ in range(SPARE_TIMES)]  # type: ignore[misc]
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
        answers = sum("Windows" in vm.run("ver", shell="cmd", check=True).stdout for vm in vms)
        time.sleep(5)  # let them become idle: that is the state to weigh
        runs = list(setting.pool.store.runs.iterdir())
        disk = max(sum(file.stat().st_blocks * 512 for file in run.rglob("*") if file.is_file()) for run in runs)
        pss = statistics.median(_pss(vm._running().machine.child.pid) for vm in vms)
    return {"guests_at_once": answers, "idle_clone_pss_mib": round(pss, 1), "idle_clone_disk_mib": round(disk / 2**20, 2)}


def _throughput(setting: Setting) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place:
        Path(place, "test_many.py").write_text(
            "import pytest\n\n@pytest.mark.parametrize('n', range(%d))\ndef test_guest(windows_vm, n):\n    assert windows_vm.run('ver', shell='cmd').exit_code == 0\n" % TESTS
        )
        command = [sys.executable, "-m", "pytest", "-q", "-n2", "-p", "no:cacheprovider", place]
        options = [f"--smolvm-image={setting.image}", f"--smolvm-store={setting.pool.store.root}", f"--smolvm-memory={MEMORY}"]
        took = seconds(lambda: subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL))
    return {"hundred_tests_seconds": round(took, 1), "guests_per_minute": round(TESTS / took * 60, 1)}


def _pss(pid: int) -> float:
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found.group(1)) / 1024
