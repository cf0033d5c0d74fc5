"""What tells one host's tools from another's; they are scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_smolvm.host import programs
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import accelerator, hypervisor, qemu
from pytest_smolvm.machine.hardware import Hardware

QEMU = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)"
TPM = "TPM emulator version 0.7.1, Copyright"


@pytest.fixture(name="tools")
def _tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where programs are looked for first."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setattr(programs, "SETTLED", {})  # where the run around this test has found its own
    return tmp_path / "bin"


def tool(tools: Path, name: str, says: str, code: int = 0) -> None:
    """A program that says its version; it looks as old as any other, as in reproducible images."""
    (tools / name).write_text(f"#!/bin/sh\necho '{says}'; exit {code}\n", encoding="ascii")
    (tools / name).chmod(0o755)
    os.utime(tools / name, (1, 1))


def identity(tmp_path: Path, tools: Path, qemu_says: str = QEMU, tpm_says: str = TPM) -> str:
    tool(tools, qemu.BINARY, qemu_says)
    tool(tools, "swtpm", tpm_says)
    return hypervisor.find(Store.at(tmp_path / "store")).identity


def test_a_distributions_revision_is_another_qemu(tmp_path: Path, tools: Path) -> None:
    before = identity(tmp_path, tools)

    assert before == identity(tmp_path, tools)
    assert before != identity(tmp_path, tools, qemu_says=QEMU.replace("u18", "u19"))


def test_another_tpm_is_another_host(tmp_path: Path, tools: Path) -> None:
    assert identity(tmp_path, tools) != identity(tmp_path, tools, tpm_says=TPM.replace("0.7.1", "0.7.2"))


def test_a_tpm_that_does_not_say_its_version_is_one_all_the_same(tmp_path: Path, tools: Path) -> None:
    tool(tools, qemu.BINARY, QEMU)
    tool(tools, "swtpm", "unrecognized option", code=1)

    assert "" == hypervisor.find(Store.at(tmp_path / "store")).tpm
    assert str(hypervisor.find(Store.at(tmp_path / "store"))).startswith("QEMU 7.2.22, ")


NO_SMM = f"""#!/bin/sh
echo started "$@" >>"$(dirname "$0")/starts"
case "$*" in
*--version) echo '{QEMU}';;
*smm=on*) echo 'qemu-system-x86_64: System Management Mode not supported by this hypervisor.'; exit 1;;
*) printf '\\033[2J'; sleep 600;;
esac
"""
"""QEMU on a KVM that has no system management mode, as in some virtual machines."""


@pytest.fixture(name="without_smm")
def _without_smm(tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tools / qemu.BINARY).write_text(NO_SMM, encoding="ascii")
    (tools / qemu.BINARY).chmod(0o755)
    monkeypatch.setattr(accelerator, "KVM", str(tools))
    return tools / "starts"


def hardware(*, secure_boot: bool) -> Hardware:
    return Hardware(memory=2048, cpus=2, bus="virtio", secure_boot=secure_boot)


def test_a_kvm_without_system_management_mode_runs_all_but_secure_boot(tmp_path: Path, without_smm: Path) -> None:
    found = hypervisor.find(Store.at(tmp_path / "store"))
    assert str(found).endswith(", kvm")
    tried = without_smm.read_text()
    assert "smm=on" not in tried  # nobody has asked for it

    plain, secure = (found.config(hardware(secure_boot=it), tmp_path / "disk.qcow2") for it in (False, True))

    assert "kvm" == plain.accelerator
    assert plain.cpu_model.startswith("host,")
    assert ("tcg", "Westmere") == (secure.accelerator, secure.cpu_model)
    assert secure.firmware is not None
    assert secure.firmware.smm
    assert "System Management Mode" in found.accelerator_for(secure_boot=True).reason


def test_what_was_found_out_of_secure_boot_is_kept_beside_the_rest(tmp_path: Path, without_smm: Path) -> None:
    for _ in range(2):
        found = hypervisor.find(Store.at(tmp_path / "store"))
        assert ["kvm", "tcg"] == [found.accelerator_for(secure_boot=it).name for it in (False, True)]
        hypervisor.with_secure_boot.cache_clear()  # as in another process

    trials = [line for line in without_smm.read_text().splitlines() if "--version" not in line]
    assert 1 == len([line for line in trials if "smm=off" in line])
    assert 2 == len([line for line in trials if "smm=on" in line])  # with and without what Windows likes
