"""What this host offers for running guests."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass

from pytest_smolvm.errors import HostError
from pytest_smolvm.host.programs import require, run
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import accelerator as accel
from pytest_smolvm.machine import firmware, qemu
from pytest_smolvm.machine.accelerator import Accelerator


@dataclass(frozen=True)
class Host:
    """The tools that were found."""

    binary: str
    """QEMU's path."""
    version: str
    """QEMU's version."""
    accelerator: Accelerator

    @property
    def identity(self) -> str:
        """Changes when another QEMU or accelerator would run the guest."""
        return f"{self.binary}:{self.version}:{os.stat(self.binary).st_mtime_ns}:{self.accelerator.name}:{self.accelerator.cpu_model}"

    def __str__(self) -> str:
        why = f" ({self.accelerator.reason})" if self.accelerator.reason else ""
        return f"QEMU {self.version}, {self.accelerator.name}{why}"


def look(store: Store) -> Host:
    """Find out what this host can do.

    :raises HostError: it cannot run guests; the message says what is missing.
    """
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise HostError(
            f"guests run on Linux hosts with x86-64 processors, not on {platform.system()} {platform.machine()}"
        )
    binary = require(qemu.BINARY, qemu.PACKAGE)
    require("qemu-img", "qemu-utils")
    require("swtpm", "swtpm")
    said = run("ask QEMU for its version", [binary, "--version"])
    found = re.search(r"version (\S+)", said)
    uefi = firmware.find()
    accelerator = accel.choose(binary, qemu.code_flash(uefi), uefi.identity, store.root / "accelerator.json")
    return Host(binary, found.group(1) if found else "unknown", accelerator)


def memory_mib() -> tuple[int, int]:
    """MiB of RAM this host has, and MiB that are available now."""
    with open("/proc/meminfo", encoding="ascii") as table:
        sizes = {name: int(value.split()[0]) // 1024 for name, _, value in (line.partition(":") for line in table)}
    return sizes["MemTotal"], sizes["MemAvailable"]
