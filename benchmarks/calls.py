"""PowerShell calls in a clone, and what much output costs this process."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

from benchmarks.setting import Setting, median, seconds

CALLS = 40
STARTS = 5
OUTPUT = 100 << 20
FILE = r"C:\Users\smolvm\much.txt"


def measure(setting: Setting) -> dict[str, float]:
    """Seconds, ratios, and MiB by which the most memory ever used has grown."""
    found: dict[str, float] = {}
    with setting.vm("clone") as vm:
        vm.run("1", fresh=True, check=True)  # QEMU has to translate the guest's code once
        found["powershell_start_p50_seconds"] = median(STARTS, lambda: seconds(lambda: vm.run("1", fresh=True, check=True)))
        found["powershell_call_p50_seconds"] = median(CALLS, lambda: seconds(lambda: vm.run("1", check=True)))
        found["start_over_call"] = round(found["powershell_start_p50_seconds"] / found["powershell_call_p50_seconds"], 1)
        with tempfile.TemporaryDirectory(prefix="smolvm-output-") as place:
            much = Path(place, "much.txt")
            much.write_bytes(b"0123456789abcde\n" * (OUTPUT // 16))
            vm.upload_file(much, FILE)
        before = _peak()
        result = vm.run(f"type {FILE}", shell="cmd", check=True)
        found["output_100mb_growth_mib"] = round(_peak() - before, 1)
        found["output_100mb_seconds"] = round(result.duration, 3)
    return found


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
