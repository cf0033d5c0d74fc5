"""What `pytest-smolvm doctor` finds on hosts that lack something."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm.cli import doctor
from pytest_smolvm.host import proc


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


def test_too_little_memory_names_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "memory_mib", lambda: (900, 500))  # the outermost edge: this host has more

    found = findings(tmp_path / "store")["memory"]

    assert not found.good
    assert "room for 0 guests" in found.said
    assert "end other programs, or ask for smaller guests with --smolvm-memory" in found.said


def test_a_host_that_lacks_nothing_but_kvm(tmp_path: Path) -> None:
    found = findings(tmp_path / "store")

    assert all(
        finding.good for what, finding in found.items() if what not in ("accelerator", "dotnet", "disk", "memory")
    )
    assert found["accelerator"].good or "switch on VT-x or AMD-V" in found["accelerator"].said
    assert "room for" in found["memory"].said
