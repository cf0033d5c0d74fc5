"""What this host offers for running guests."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pytest_smolvm.errors import HostError, ToolError
from pytest_smolvm.host import proc
from pytest_smolvm.host.programs import run, settled
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import accelerator as accel
from pytest_smolvm.machine import firmware, qemu
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.machine.hardware import Hardware


@dataclass(frozen=True)
class Hypervisor:
    """The tools that were found."""

    binary: str
    """QEMU's path."""
    version: str
    """QEMU's version, with what the distribution calls it."""
    accelerator: Accelerator
    tpm: str = ""
    """The TPM's version."""
    answers: str = ""
    """The directory where it is kept what was found out about the accelerator; empty: nothing more is to be."""
    vnc: bool = False
    """Whether machines show their screens by VNC. It is no part of what is frozen in a template."""

    def accelerator_for(self, *, secure_boot: bool) -> Accelerator:
        """What runs a machine with Secure Boot or without: not every KVM has what that takes.

        :raises HostError: there is no such firmware.
        """
        if not secure_boot or self.accelerator.name != "kvm" or not self.answers:
            return self.accelerator
        return with_secure_boot(self)

    @property
    def identity(self) -> str:
        """Changes when another QEMU or accelerator would run the guest."""
        parts = [self.binary, self.version, self.tpm, os.stat(self.binary).st_mtime_ns]
        parts += [self.accelerator.name, self.accelerator.cpu_model]
        if self.accelerator.name == "kvm":
            # Programs in a guest look once at what the processor can, and what KVM passes on depends on the kernel.
            parts += [*proc.processor().values(), os.uname().release]
        return ":".join(map(str, parts))

    def config(
        self,
        hardware: Hardware,
        disk: Path,
        *,
        memory_file: Path | None = None,
        restored: bool = False,
        devices_only: bool = False,
    ) -> qemu.Config:
        """How QEMU is to be run here for a machine of this hardware.

        :param memory_file: where its RAM is kept, if in a file; one that is restored writes to private copies of it.
        :param devices_only: what is restored was written by :func:`migration.save`.
        :raises HostError: there is no such firmware.
        """
        accelerator = self.accelerator_for(secure_boot=hardware.secure_boot)
        return qemu.Config(
            binary=self.binary,
            accelerator=accelerator.name,
            cpu_model=accelerator.cpu_model,
            hardware=hardware,
            firmware=None if hardware.firmware == "bios" else firmware.find(secure_boot=hardware.secure_boot),
            disk=disk,
            memory_file=memory_file,
            memory_private=restored,
            restored=restored,
            devices_only=devices_only,
            vnc=self.vnc,
        )

    def __str__(self) -> str:
        why = f" ({self.accelerator.reason})" if self.accelerator.reason else ""
        return f"QEMU {self.version.partition(' ')[0]}, {self.accelerator.name}{why}"


def find(store: Store, *, anew: bool = False) -> Hypervisor:
    """Find out what this host can do.

    :param anew: try its accelerator again, though that was done lately.
    :raises HostError: it cannot run guests; the message says what is missing.
    """
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise HostError(
            f"guests run on Linux hosts with x86-64 processors, not on {platform.system()} {platform.machine()}"
        )
    binary = settled(qemu.BINARY, qemu.PACKAGE)
    settled("qemu-img", "qemu-utils")
    tpm = settled("swtpm", "swtpm")
    said = run("ask QEMU for its version", [binary, "--version"])
    # All of the line: a distribution's revision is in it, and the program's date may be the same for all of them.
    found = re.search(r"version (.+)", said)
    uefi = firmware.find()
    kept = store.root / "accelerator.json"
    accelerator = accel.choose(binary, qemu.firmware_only(uefi), uefi.identity, kept, anew=anew)
    version = found.group(1) if found else "unknown"
    return Hypervisor(binary, version, accelerator, _said(tpm), os.fspath(store.root))


@cache
def with_secure_boot(hypervisor: Hypervisor, *, anew: bool = False) -> Accelerator:
    """What runs machines with Secure Boot; it is asked for when somebody wants one.

    Their firmware keeps the variables in system management mode. Where KVM has none, as in some virtual machines, QEMU
    does not start with it (hw/i386/x86.c), and everything else runs under KVM all the same.

    :param anew: try it again, though that was done lately.
    :raises HostError: there is no such firmware.
    """
    secure = firmware.find(secure_boot=True)
    kept = Path(hypervisor.answers) / "accelerator-secure-boot.json"
    return accel.choose(hypervisor.binary, qemu.firmware_only(secure), secure.identity, kept, anew=anew)


def _said(tpm: str) -> str:
    """What swtpm says of its version, if it does."""
    try:
        return run("ask swtpm for its version", [tpm, "--version"]).partition("\n")[0]
    except ToolError:
        return ""
