"""Snapshots and layers: how long they take, how much they write, and how long it takes to come back."""

from __future__ import annotations

import re
import statistics
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.setting import Setting, in_turns, seconds
from pytest_smolvm import SmolVM, windows_layer
from pytest_smolvm.machine.machine import Machine

TIMES = 7
CHAIN = 10
CHANGED_FILES = 5
CHANGED_BYTES = 10_000_000
PLACE = r"C:\Users\smolvm\changed-{}.bin"


@windows_layer()
def installed(vm: SmolVM) -> None:
    """As much as an installation of some size writes."""
    vm.run("Get-Process | Out-Null", check=True)
    vm.write_bytes(PLACE.format("layer"), bytes(range(1, 251)) * (CHANGED_BYTES // 250))


def measure(setting: Setting) -> dict[str, float]:
    """Seconds, MiB, and ratios to a clone and to what the guest has changed."""
    first_layer = round(_clone(setting, layer=installed), 3)
    with setting.vm("clone") as vm, setting.vm("clone") as chained:
        vm.run("Get-Process | Out-Null", check=True)
        for number in range(CHANGED_FILES):
            vm.write_bytes(PLACE.format(number), bytes(range(1, 251)) * (CHANGED_BYTES // 250))
        found = _snapshots(vm)
        _chain(chained)
        ways = {
            "clone_again_seconds": lambda: _clone(setting),
            "revert_named_seconds": lambda: _reverted(vm, "0"),
            "chain_of_ten_seconds": lambda: _reverted(chained, str(CHAIN - 1)),
            "layer_second_run_seconds": lambda: _clone(setting, layer=installed),
        }
        took = in_turns(TIMES, ways)
    clone, revert, chain, layer = (took[name] for name in ways)
    return {
        **found,
        **took,
        "revert_named_ratio": round(revert / clone, 3),
        "chain_of_ten_ratio": round(chain / clone, 3),
        "layer_first_run_seconds": first_layer,
        "layer_second_run_ratio": round(layer / clone, 3),
    }


def _clone(setting: Setting, **wants: Any) -> float:
    """From the request to the first command's result."""
    started = time.perf_counter()
    with setting.vm("clone", **wants) as vm:
        vm.run("ver", shell="cmd", check=True)
        return time.perf_counter() - started


def _snapshots(vm: SmolVM) -> dict[str, float]:
    """Several, of which the first counts for what is written: what comes after it has less to change."""
    machine = vm._running().machine
    changed = _changed_ram(machine) + machine.files.disk.stat().st_blocks * 512
    took = [seconds(partial(vm.snapshot, str(number))) for number in range(TIMES)]
    (first, *_) = vm.snapshots()
    return {
        "snapshot_seconds": round(statistics.median(took), 3),
        "snapshot_mib": round(first.size / 2**20, 1),
        "snapshot_bytes_ratio": round(first.size / changed, 3),
    }


def _changed_ram(machine: Machine) -> int:
    """Bytes of the guest's RAM that are not its template's any more, as Linux counts them (proc(5), smaps)."""
    areas = Path(f"/proc/{machine.child.pid}/smaps").read_text(encoding="utf-8").split("VmFlags")
    (ram,) = (area for area in areas if "/memory\n" in area)
    return sum(int(size) * 1024 for size in re.findall(r"^(?:Anonymous|Swap): +(\d+) kB", ram, re.MULTILINE))


def _reverted(vm: SmolVM, name: str) -> float:
    def again() -> None:
        vm.revert(name)
        vm.run("ver", shell="cmd", check=True)

    return seconds(again)


def _chain(vm: SmolVM) -> None:
    """Several states, each of which comes from the one before."""
    for number in range(CHAIN):
        vm.write_text(PLACE.format(number), str(number))
        vm.snapshot(str(number))
        vm.revert(str(number))
