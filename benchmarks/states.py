"""Snapshots and layers: how long they take, how much they write, and how long it takes to come back."""

from __future__ import annotations

import re
import statistics
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.setting import Setting, median, seconds
from pytest_smolvm import SmolVM, windows_layer
from pytest_smolvm.machine.machine import Machine

TIMES = 5
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
    found: dict[str, float] = {"clone_again_seconds": median(TIMES, lambda: _clone(setting))}
    with setting.vm("clone") as vm:
        vm.run("Get-Process | Out-Null", check=True)
        for number in range(CHANGED_FILES):
            vm.write_bytes(PLACE.format(number), bytes(range(1, 251)) * (CHANGED_BYTES // 250))
        found |= _snapshots(vm)
        found["revert_named_seconds"] = median(TIMES, lambda: _reverted(vm, "0"))
        found["revert_named_ratio"] = round(found["revert_named_seconds"] / found["clone_again_seconds"], 3)
    clone_seconds = found["clone_again_seconds"]
    return {**found, **_chain(setting, clone_seconds), **_layer(setting, clone_seconds)}


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


def _chain(setting: Setting, clone_seconds: float) -> dict[str, float]:
    """The last of several states, each of which came from the one before."""
    with setting.vm("clone") as vm:
        for number in range(CHAIN):
            vm.write_text(PLACE.format(number), str(number))
            vm.snapshot(str(number))
            vm.revert(str(number))
        took = median(TIMES, lambda: _reverted(vm, str(CHAIN - 1)))
    return {"chain_of_ten_ratio": round(took / clone_seconds, 3)}


def _layer(setting: Setting, clone_seconds: float) -> dict[str, float]:
    """A guest with a layer: the first, which is made of one that is prepared, and those that find it made."""
    first = _clone(setting, layer=installed)
    again = median(TIMES, lambda: _clone(setting, layer=installed))
    return {
        "layer_first_run_seconds": round(first, 3),
        "layer_second_run_seconds": again,
        "layer_second_run_ratio": round(again / clone_seconds, 3),
    }
