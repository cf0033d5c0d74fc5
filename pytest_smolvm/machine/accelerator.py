"""What runs guests on this host: KVM if it really works, else TCG."""

from __future__ import annotations

import os
import re
import select
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_smolvm.host import clock, proc, records
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.programs import end, start
from pytest_smolvm.host.waiting import Deadline

KVM = "/dev/kvm"
"""The kernel's device."""
TRIAL_SECONDS = stretched(20.0)
"""How long firmware may take to begin."""
BAD_NEWS_SECONDS = 600.0
"""How long it is believed that KVM does not work. The clock begins with the host, as what is kept does."""
# UEFI's boot manager clears every console, the serial one among them; it takes a second.
_ALIVE = b"\x1b["
# After whatever KVM could not run, QEMU prints the registers and stays, paused.
_DEAD = re.compile(rb"^[ER]AX=", re.MULTILINE)
# A guest that can run guests of its own, as Windows 11 does by itself for its security where it can, has a state that
# QEMU saves with some kernels only (target/i386/kvm/kvm.c asks for KVM_CAP_NESTED_STATE, or blocks all saving).
_HOSTS = "host,vmx=off,svm=off"
# Hyper-V enlightenments that Windows needs to idle quietly and to keep time; none of them blocks saving the machine,
# as hv-passthrough and invtsc would (qemu docs/system/i386/hyperv.rst).
_FOR_WINDOWS = "hv-relaxed,hv-vapic,hv-spinlocks=0x1fff,hv-vpindex,hv-runtime,hv-time,hv-synic,hv-stimer,hv-frequencies"
# A KVM that runs in a virtual machine itself may have none of them.
_KVM_CPUS = (f"{_HOSTS},{_FOR_WINDOWS}", _HOSTS)
# `max` under TCG offers features whose emulation crashes guests. Westmere is x86-64-v2, which Windows 11 24H2 asks for,
# with AES: without it SSH encrypts by SSE shuffles, which TCG does slowest of all (100 MB up: 10.6 s, 8.3 s with it).
_TCG_CPU = "Westmere"


@dataclass(frozen=True)
class Accelerator:
    """How QEMU executes the guest's instructions."""

    name: str
    """``kvm`` or ``tcg``."""
    cpu_model: str
    reason: str
    """Why not KVM; empty if KVM it is."""


def choose(binary: str, board: Sequence[str], identity: str, memory: Path, *, anew: bool = False) -> Accelerator:
    """Find out what works, by having `binary` start a machine's firmware; the answer is kept in the file `memory`.

    Until reboot if KVM works; else for some minutes, since it may have been busy, or in another hypervisor's hands.

    :param board: QEMU's arguments for the machine and its firmware.
    :param identity: changes when the firmware does.
    :param anew: find out again.
    """
    words = [proc.boot(), binary, os.stat(binary).st_mtime_ns, identity, os.access(KVM, os.R_OK | os.W_OK)]
    key = " ".join(map(str, [*words, *board, *_KVM_CPUS, _TCG_CPU]))
    kept = records.read(memory) or {}
    if kept.get("key") == key and not anew and (kept.get("until") is None or clock.now() < kept["until"]):
        with suppress(KeyError, TypeError):  # not by this version: find out again
            return Accelerator(**kept["accelerator"])
    found = _found_out(binary, board)
    with suppress(OSError):  # a full disk, say: then the next run finds out again
        until = clock.now() + BAD_NEWS_SECONDS if found.reason else None
        records.write(memory, {"key": key, "accelerator": asdict(found), "until": until})
    return found


def _found_out(binary: str, board: Sequence[str]) -> Accelerator:
    if not os.path.exists(KVM):
        return _emulated("no /dev/kvm: the host's processor or hypervisor offers no virtualization")
    if not os.access(KVM, os.R_OK | os.W_OK):
        return _emulated("/dev/kvm is not accessible: add your user to the group kvm")
    for cpu_model in _KVM_CPUS:
        seen = trouble((binary, "-accel", "kvm", "-cpu", cpu_model, *board))
        if seen is None:
            return Accelerator("kvm", cpu_model, "")
    return _emulated(f"/dev/kvm opens but a guest dies under it ({seen})")


def _emulated(reason: str) -> Accelerator:
    return Accelerator("tcg", _TCG_CPU, reason)


def trouble(machine: Sequence[str]) -> str | None:
    """What keeps `machine` from starting its firmware; None if nothing does.

    Opening /dev/kvm proves nothing, nor does KVM_CREATE_VM, nor a BIOS that runs: there are hosts where UEFI's first
    floating-point instruction kills QEMU. So let the firmware come so far that it clears its consoles.
    """
    trial = ("-nodefaults", "-m", "256M", "-display", "none", "-serial", "stdio")
    child = start((*machine, *trial), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said = _said(child)
    finally:
        end(child)
    if _ALIVE in said:
        return None
    lines = said.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in lines if line.strip()), "its firmware says nothing")


def _said(child: subprocess.Popen[bytes]) -> bytes:
    """What `child` prints until it is clear whether it lives."""
    said = b""
    deadline = Deadline(TRIAL_SECONDS)
    assert child.stdout is not None
    while _ALIVE not in said and not _DEAD.search(said) and select.select([child.stdout], [], [], deadline.left)[0]:
        chunk = os.read(child.stdout.fileno(), 65536)
        if not chunk:
            break
        said += chunk
    return said
