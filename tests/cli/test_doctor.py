"""What `pytest-smolvm doctor` finds on hosts that lack something."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_smolvm.cli import doctor
from pytest_smolvm.host import proc
from tests.lacking import calls_cannot_be_held, tpm_is_kept_out


def findings(root: Path) -> dict[str, doctor.Finding]:
    return {finding.what: finding for finding in doctor.examine(root)}


def test_every_finding_names_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    (tmp_path / "file").touch()

    found = findings(tmp_path / "file")

    assert "apt-get install qemu-system-x86" in found["qemu-system-x86_64"].said
    assert "apt-get install swtpm" in found["swtpm"].said
    assert "apt-get install util-linux" in found["setpriv"].said
    assert "set SMOLVM_HOME" in found["store"].said
    assert "apt-get install mmdebstrap" in found["mmdebstrap"].said
    assert "install the .NET SDK" in found["dotnet"].said
    missing = ("qemu-system-x86_64", "qemu-img", "swtpm", "setpriv", "store", "accelerator", "mmdebstrap", "dotnet")
    assert not any(found[what].good for what in missing)


def test_a_tpm_that_may_not_read_the_store_names_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where AppArmor keeps swtpm out of it."""
    tpm_is_kept_out(tmp_path, monkeypatch)

    found = findings(tmp_path / "store")["TPM in the store"]

    assert not found.good
    assert "Permission denied" in found.said
    assert "/etc/apparmor.d" in found.said


def test_a_kernel_that_keeps_no_network_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls_cannot_be_held(monkeypatch)

    found = findings(tmp_path / "store")["network rules"]

    assert not found.good
    assert "network='host' does without" in found.said


def test_too_little_memory_names_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "memory_mib", lambda: (900, 500))  # the outermost edge: this host has more

    found = findings(tmp_path / "store")["memory"]

    assert not found.good
    assert "room for 0 guests" in found.said
    assert "end other programs, or ask for smaller guests with --smolvm-memory" in found.said


def test_a_full_disk_names_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100 * 2**20))  # the outermost edge

    found = findings(tmp_path / "store")["disk"]

    assert not found.good
    assert f"100 MiB free in {tmp_path}/store; " in found.said
    assert "pytest-smolvm prune" in found.said


def test_what_is_found_is_what_other_programs_find(tmp_path: Path) -> None:
    """On a host that lacks nothing, but for what not every host has: KVM, .NET, much memory and room."""
    found = findings(tmp_path / "store")

    total = re.findall(r"^Mem: +(\d+)", said("free", "--mebi"), re.MULTILINE)
    free = said("df", "--output=avail", "--block-size=1M", str(tmp_path)).split()[-1]
    version = re.findall(r"version (\d\S+)", said("qemu-system-x86_64", "--version"))
    accelerator, memory, disk = found["accelerator"], found["memory"], found["disk"]
    assert re.fullmatch(
        rf"QEMU {re.escape(version[0])}\S*, (kvm|tcg \(.*\); .* switch on VT-x or AMD-V .*)", accelerator.said
    )
    assert accelerator.good == (", kvm" in accelerator.said)
    assert memory.said.startswith(f"{total[0]} MiB, ")
    assert memory.good == ("; one takes " not in memory.said)
    assert abs(int(disk.said.split()[0]) - int(free)) < 512  # others write meanwhile
    assert disk.good == (int(disk.said.split()[0]) >= 4096)
    assert found["dotnet"].said == (shutil.which("dotnet") or found["dotnet"].said)
    variable = ("accelerator", "dotnet", "disk", "memory")
    assert [] == [what for what, finding in found.items() if not finding.good and what not in variable]


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
