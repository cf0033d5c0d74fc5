"""What a host must have in common with the one on which a guest was frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_smolvm.host import digest, proc
from pytest_smolvm.machine import qemu
from pytest_smolvm.machine.hardware import Hardware
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import layers, templates, warming

# What KVM passes on of a processor. Not its microcode, nor the kernel's version, which matter only by what they change
# in this.
_FAMILY = ("vendor_id", "cpu family", "model")


def likeness(hardware: Hardware, hypervisor: Hypervisor) -> dict[str, Any]:
    """What guests of this hardware are made of on this host, each by what people call it; fit for JSON.

    :raises HostError: there is no such firmware here.
    """
    files = RunDirectory(Path("run"))
    config = hypervisor.config(hardware, files.disk, memory_file=files.memory, restored=True)
    firmware = config.firmware
    flash = None if firmware is None else replace(firmware, code=Path("code"), variables=Path("variables"))
    anywhere = replace(config, binary=qemu.BINARY, firmware=flash)
    found = {
        "pytest-smolvm": f"layout {templates.FORMAT}.{layers.FORMAT}, {warming.recipe()}",
        "QEMU": hypervisor.version,
        "swtpm": hypervisor.tpm,
        "accelerator": hypervisor.accelerator.name,
        "machine": qemu.command(anywhere, files, monitor_fd=0, tpm_fd=0),
        "firmware": [] if firmware is None else [digest.of_file(firmware.code), digest.of_file(firmware.variables)],
    }
    if hypervisor.accelerator.name == "kvm":
        found["processor"] = [word for name, value in proc.processor().items() for word in _words(name, value)]
    return found


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What is not the same on two hosts, a line each."""
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    return [f"{name}: {_told(there.get(name), here.get(name))}" for name in names]


def _words(name: str, value: str) -> list[str]:
    if name == "flags":
        return value.split()
    return [f"{name} {value}"] if name in _FAMILY else []


def _told(there: object, here: object) -> str:
    if isinstance(there, list) and isinstance(here, list):
        only = [" ".join(map(str, (word for word in one if word not in other))) for one, other in _both(there, here)]
        return f"{only[0] or 'nothing more'} there, {only[1] or 'nothing more'} here"
    return f"{there or 'none'} there, {here or 'none'} here"


def _both(there: list[Any], here: list[Any]) -> list[tuple[list[Any], list[Any]]]:
    return [(there, here), (here, there)]
