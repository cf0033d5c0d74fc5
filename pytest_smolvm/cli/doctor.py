"""``pytest-smolvm doctor``: what this host can do, finding by finding, each with its fix."""

from __future__ import annotations

import os
import shutil
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_smolvm.cli import command
from pytest_smolvm.errors import HostError, SmolVMError
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import limits
from pytest_smolvm.host.programs import await_end, find, require, running, tail
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import firmware, hypervisor, qemu
from pytest_smolvm.machine.fence.fence import fenced
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.network import OPEN, network
from pytest_smolvm.machine.qmp import ANSWER_SECONDS
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.machine.swtpm import tpm
from pytest_smolvm.pool import leases

if TYPE_CHECKING:
    from pytest_smolvm.cli.command import Commands

_FREE_MIB = 4096
_ARE_YOU_THERE = b"\0\0\0\1"  # CMD_GET_CAPABILITY: swtpm_ioctls(3)
_SLOW = (
    "guests run some twenty times slower without KVM: where it is missing or broken, switch on VT-x or AMD-V "
    "in the firmware's setup, or nested virtualization in the hypervisor that this host runs under"
)
_OPTIONAL = (
    ("mmdebstrap", "only needed for practice build; on Debian or Ubuntu: apt-get install mmdebstrap"),
    (
        "dotnet",
        (
            "only needed for practice build: install the .NET SDK 10 (https://dot.net), "
            "or give an official archive with --powershell"
        ),
    ),
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    said: str
    """What was found, or what to do about it."""


def add_commands(commands: Commands) -> None:
    """Add the command."""
    command.add(commands, "doctor", "say what this host can do and how to fix what it cannot", _doctor)


def _doctor(options: Namespace) -> int:
    findings = list(examine(command.root(options)))
    for finding in findings:
        print(f"{'ok ' if finding.good else 'NOT'}  {finding.what}: {finding.said}")
    return 0 if all(finding.good for finding in findings) else 1


def examine(root: Path) -> Iterator[Finding]:
    """Look at everything a guest needs. `root` is the store's directory."""
    programs = {qemu.BINARY: qemu.PACKAGE, "qemu-img": "qemu-utils", "swtpm": "swtpm", "setpriv": "util-linux"}
    for program, package in programs.items():
        yield _tried(program, lambda program=program, package=package: require(program, package))  # type: ignore[misc]
    yield _tried("UEFI firmware", lambda: str(firmware.find().code))
    yield _tried("UEFI firmware with Secure Boot", lambda: str(firmware.find(secure_boot=True).code))
    yield _tried("store", lambda: str(Store.at(root).root))
    yield from _host(root)
    yield from _beside_qemu(root)
    yield _memory(root)
    yield from _room(root)
    yield from _optional()


def _host(root: Path) -> Iterator[Finding]:
    try:
        found = hypervisor.find(Store.at(root), anew=True)
    except SmolVMError as exc:
        yield Finding("accelerator", False, str(exc))
        return
    slow = found.accelerator.reason
    yield Finding("accelerator", not slow, f"{found}; {_SLOW}" if slow else str(found))
    if not slow:
        yield _tried("accelerator with Secure Boot", partial(_secure, found))


def _secure(found: Hypervisor) -> str:
    accelerator = hypervisor.with_secure_boot(found, anew=True)
    if accelerator.reason:
        raise HostError(f"{accelerator.name} ({accelerator.reason}): such guests are slow, all others are not")
    return accelerator.name


def _beside_qemu(root: Path) -> Iterator[Finding]:
    """What guests need besides QEMU, tried where it will be."""
    try:
        place = Store.at(root).run_directory()
    except SmolVMError:
        return  # the finding on the store says why
    with place as directory:
        files = RunDirectory(directory)
        yield _tried("TPM in the store", partial(_tpm, files))
        yield _tried("network rules", partial(_fence, files))


def _tpm(files: RunDirectory) -> str:
    files.tpm.mkdir()
    with tpm(files.tpm, files.tpm_log) as end:
        end.settimeout(ANSWER_SECONDS)
        with suppress(OSError):
            end.sendall(_ARE_YOU_THERE)
            if end.recv(1):
                return "swtpm answers"
    raise HostError(
        f"swtpm does not run in {files.path.parent}: {tail(files.tpm_log)}; where AppArmor confines it, name the store "
        "in /etc/apparmor.d/local/usr.bin.swtpm, or take a store below your home directory"
    )


def _fence(files: RunDirectory) -> str:
    with fenced(network(OPEN), files.network_log) as around:
        words = (*around.words, "true")
        with running(words, log=files.qemu_log, pass_fds=around.descriptors) as child:
            await_end(child, ANSWER_SECONDS)
    if child.returncode:
        raise HostError(tail(files.qemu_log))
    return "this kernel lets them be kept"


def _memory(root: Path) -> Finding:
    total, available = limits.memory_mib()
    per_guest = leases.weight(GuestSpec(image=Path("any")))
    fitting = max(0, leases.limit_mib(Store(root)) // per_guest)
    good = fitting > 0 and available >= per_guest
    said = f"{total} MiB, {available} free: room for {fitting} guests of the default size"
    fix = f"; one takes {per_guest} MiB: end other programs, or ask for smaller guests with --smolvm-memory"
    return Finding("memory", good, said if good else said + fix)


def _room(root: Path) -> Iterator[Finding]:
    try:
        free = shutil.disk_usage(root).free // 2**20
    except OSError:
        return  # the finding on the store says why
    said = f"{free} MiB free in {root}"
    fix = "; a template needs about the guest's RAM: pytest-smolvm prune, or another place with SMOLVM_STORE"
    yield Finding("disk", free >= _FREE_MIB, said if free >= _FREE_MIB else said + fix)


def _optional() -> Iterator[Finding]:
    for program, fix in _OPTIONAL:
        found = find(program)
        yield Finding(program, bool(found), found or f"not installed; {fix}")


def _tried(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, os.fspath(look()))
    except SmolVMError as exc:
        return Finding(what, False, str(exc))
