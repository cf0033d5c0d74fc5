"""What tells one host's tools from another's; they are scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_smolvm.host import programs
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import hypervisor, qemu

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
