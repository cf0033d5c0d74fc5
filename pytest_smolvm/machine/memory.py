"""What a machine and its devices have in memory, copied out of QEMU's and back into another one's.

For RAM that only differs here and there from a file that QEMU has mapped: what is copied is what differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from pytest_smolvm.errors import MonitorError
from pytest_smolvm.host.memory import PAGE, Area
from pytest_smolvm.host.sparse import Run
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory

RAM = "ram"
"""The area that is the machine's own memory."""
# Devices' memory that the state which QEMU writes of them lacks: the picture, and what the TPM is asked and answers.
# What is in all other such memory comes from the files that the machine is made of.
_DEVICES = "vga.vram|tpm-crb-cmd|tpm-ppi"
# A line of QEMU's `info mtree -f`: where the guest sees an area, and with which part of it that begins.
_RANGE = re.compile(rf"([0-9a-f]+)-([0-9a-f]+) \(prio -?\d+, ram\): ({_DEVICES})(?: @([0-9a-f]+))?\s")
_ADDRESS = re.compile(r" is (0x[0-9a-f]+)\s*$")


def save(machine: Machine, files: RunDirectory) -> None:
    """Copy the pages that are the machine's own into `files`, while it is stopped.

    :raises MonitorError: QEMU does not say where they are.
    :raises OSError: they cannot be written, or QEMU has ended.
    """
    copied: dict[str, list[Run]] = {}
    for name, area in {RAM: _ram(machine), **_of_devices(machine)}.items():
        copied[name] = area.own_pages()
        area.save(copied[name], files.memory if name == RAM else files.memory_of(name))
    files.pages.write_text(json.dumps(copied), encoding="ascii")


def fill_ram(machine: Machine, files: RunDirectory) -> None:
    """Bring RAM that was mapped from the file which it differs from into the state in which it was copied.

    :raises MonitorError: QEMU does not say where it is.
    :raises OSError: the pages cannot be read, or QEMU has ended.
    """
    _ram(machine).fill(_copied(files)[RAM], files.memory)


def fill_devices(machine: Machine, files: RunDirectory) -> None:
    """Bring the memory of devices into the state in which it was copied, once they are where they were in the guest.

    :raises MonitorError: QEMU does not say where they are.
    :raises OSError: the pages cannot be read, or QEMU has ended.
    """
    copied = _copied(files)
    for name, area in _of_devices(machine).items():
        area.fill(copied.get(name, ()), files.memory_of(name))


def _copied(files: RunDirectory) -> Mapping[str, list[Run]]:
    pages: dict[str, list[Run]] = json.loads(files.pages.read_text(encoding="ascii"))
    return pages


def _ram(machine: Machine) -> Area:
    # All of it is one piece to QEMU, though the guest sees a part of it behind the addresses of devices.
    return _area(machine, 0, machine.hardware.memory * 2**20)


def _of_devices(machine: Machine) -> dict[str, Area]:
    """Where the guest sees devices' memory, as much of it as it sees."""
    found: dict[str, Area] = {}
    for first, last, name, inside in _RANGE.findall(machine.monitor.human("info mtree -f")):
        if not int(inside or "0", 16):
            size = int(last, 16) - int(first, 16) + 1
            if name not in found or found[name].size < size:
                found[name] = _area(machine, int(first, 16), size)
    return found


def _area(machine: Machine, address: int, size: int) -> Area:
    said = machine.monitor.human(f"gpa2hva {address:#x}")
    where = _ADDRESS.search(said)
    if where is None:
        raise MonitorError("gpa2hva", said.strip())
    return Area(machine.child.pid, int(where[1], 16), -(-size // PAGE) * PAGE)
