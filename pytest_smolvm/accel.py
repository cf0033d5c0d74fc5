"""What runs guests on this host: KVM if it really works, else TCG."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_smolvm import notes
from pytest_smolvm.process import end, start

_TRIAL_SECONDS = 1.0
# Hyper-V enlightenments that Windows needs to idle quietly and to keep time; none of them blocks saving the machine,
# as hv-passthrough and invtsc would (qemu docs/system/i386/hyperv.rst).
_KVM_CPU = "host,hv-relaxed,hv-vapic,hv-spinlocks=0x1fff,hv-vpindex,hv-runtime,hv-time,hv-synic,hv-stimer,hv-frequencies"
# `max` under TCG offers features whose emulation crashes guests; Nehalem is x86-64-v2, which Windows 11 24H2 asks for.
_TCG_CPU = "Nehalem"


@dataclass(frozen=True)
class Accelerator:
    """How QEMU executes the guest's instructions."""

    name: str
    """``kvm`` or ``tcg``."""
    cpu_model: str
    reason: str
    """Why not KVM; empty if KVM it is."""


def choose(binary: str, memory: Path) -> Accelerator:
    """Find out what works, by running `binary` for a second; the answer is kept in the file `memory` until reboot."""
    key = f"{_boot_id()} {binary} {os.stat(binary).st_mtime_ns} {os.access('/dev/kvm', os.R_OK | os.W_OK)}"
    kept = notes.read(memory) or {}
    if kept.get("key") == key:
        with suppress(KeyError, TypeError):  # not by this version: find out again
            return Accelerator(**kept["accelerator"])
    found = _try_kvm(binary)
    with suppress(OSError):  # a full disk, say: then the next run finds out again
        notes.write(memory, {"key": key, "accelerator": asdict(found)})
    return found


def _try_kvm(binary: str) -> Accelerator:
    reason = _why_not_kvm(binary)
    return Accelerator("tcg", _TCG_CPU, reason) if reason else Accelerator("kvm", _KVM_CPU, "")


def _why_not_kvm(binary: str) -> str:
    if not os.path.exists("/dev/kvm"):
        return "no /dev/kvm: the host's processor or hypervisor offers no virtualization"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "/dev/kvm is not accessible: add your user to the group kvm"
    # Opening /dev/kvm proves nothing, nor does KVM_CREATE_VM: there are hosts where the first instructions of the
    # firmware kill QEMU. So let it run its firmware for a moment and ask.
    command = (binary, "-accel", "kvm", "-cpu", "host", "-machine", "q35", "-nodefaults", "-m", "64M")
    child = start(
        (*command, "-display", "none", "-monitor", "stdio"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        try:
            child.wait(_TRIAL_SECONDS)
        except subprocess.TimeoutExpired:
            pass  # it still runs, as it should
        output, _ = child.communicate(b"info status\nquit\n", timeout=10)
    except (subprocess.TimeoutExpired, BrokenPipeError):
        output = b"no answer from QEMU"
    finally:
        end(child)
    text = output.decode("utf-8", "replace")
    if "VM status: running" in text:
        return ""
    said = [line.strip() for line in text.splitlines() if line.strip() and "(qemu)" not in line and "monitor" not in line]
    return f"/dev/kvm opens but a guest dies under it ({said[0] if said else 'QEMU ended'})"


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
