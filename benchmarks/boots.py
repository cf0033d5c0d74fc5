"""Power-on to the first command's result, cold and cloned."""

from __future__ import annotations

import time

from benchmarks.setting import Setting, median

COLD_TIMES = 3
CLONE_TIMES = 7


def measure(setting: Setting) -> dict[str, float]:
    """Seconds, and ratios of ours to the bare commands'."""
    found: dict[str, float] = {}
    code, variables = setting.firmware.code, setting.firmware.variables
    found["bare_cold_boot_seconds"] = median(COLD_TIMES, lambda: setting.bare("cold", setting.image, code, variables))
    found["cold_boot_seconds"] = median(COLD_TIMES, lambda: _first_command(setting, "cold"))
    found["cold_boot_ratio"] = round(found["cold_boot_seconds"] / found["bare_cold_boot_seconds"], 3)

    found["bake_seconds"] = round(_first_command(setting, "clone"), 3)  # the first clone bakes its template
    (template,) = setting.pool.store.templates.iterdir()
    found["bare_clone_to_first_command_seconds"] = median(CLONE_TIMES, lambda: setting.bare("clone", template, code))
    found["clone_to_first_command_seconds"] = median(CLONE_TIMES, lambda: _first_command(setting, "clone"))
    found["clone_ratio"] = round(
        found["clone_to_first_command_seconds"] / found["bare_clone_to_first_command_seconds"], 3
    )
    found["cold_over_clone"] = round(found["cold_boot_seconds"] / found["clone_to_first_command_seconds"], 1)
    return found


def _first_command(setting: Setting, boot: str) -> float:
    """Seconds from the request to the first command's result; throwing the guest away is not part of it."""
    started = time.perf_counter()
    with setting.vm(boot) as vm:
        vm.run("ver", shell="cmd", check=True)
        return time.perf_counter() - started
