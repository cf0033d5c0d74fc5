"""PowerShell calls in a clone, and what much output costs this process."""

from __future__ import annotations

import resource

from benchmarks.setting import Setting, median, seconds

CALLS = 40
STARTS = 5
OUTPUT = 100 << 20
# As fast as the guest can: what is weighed is this side.
PRINT = """
param($megabytes)
$out = [Console]::OpenStandardOutput()
$piece = [Text.Encoding]::ASCII.GetBytes("0123456789abcde`n" * 65536)
while ($megabytes--) { $out.Write($piece, 0, $piece.Length) }
"""


def measure(setting: Setting) -> dict[str, float]:
    """Seconds, ratios, and MiB by which the most memory ever used has grown."""
    found: dict[str, float] = {}
    with setting.vm("clone") as vm:
        vm.run("1", fresh=True, check=True)  # QEMU has to translate the guest's code once
        found["powershell_start_p50_seconds"] = median(
            STARTS, lambda: seconds(lambda: vm.run("1", fresh=True, check=True))
        )
        found["powershell_call_p50_seconds"] = median(CALLS, lambda: seconds(lambda: vm.run("1", check=True)))
        found["start_over_call"] = round(
            found["powershell_start_p50_seconds"] / found["powershell_call_p50_seconds"], 1
        )
        before = _peak()
        result = vm.run(PRINT, args=[OUTPUT >> 20], check=True)
        found["output_100mb_growth_mib"] = round(_peak() - before, 1)
        found["output_100mb_seconds"] = round(result.duration, 3)
    return found


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
