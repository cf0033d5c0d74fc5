"""Which accelerator is chosen, and what is asked for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_smolvm.host import clock, programs
from pytest_smolvm.machine import accelerator, firmware, qemu
from pytest_smolvm.machine.accelerator import Accelerator

SERIAL_CONSOLE_IS_CLEARED = r"printf '\033[2J'; sleep 600"
KVM_GIVES_UP = "echo 'KVM internal error. Suberror: 1'; echo 'RAX=0000000000000000 RBX=0000000000000000'; sleep 600"
NO_ENLIGHTENMENTS = "case $* in *hv-*) echo 'no HyperV VP_INDEX'; exit 1;; esac; "


def fake(directory: Path, script: str) -> str:
    """A QEMU that does what `script` says and counts its starts."""
    binary = directory / "qemu"
    binary.write_text(f"#!/bin/sh\necho started >>{directory}/starts\n{script}\n", encoding="utf-8")
    binary.chmod(0o755)
    return str(binary)


def starts(directory: Path) -> int:
    return len((directory / "starts").read_text(encoding="utf-8").splitlines())


def choose(directory: Path, binary: str, identity: str = "firmware 1") -> Accelerator:
    return accelerator.choose(binary, [], identity, directory / "memory.json")


@pytest.fixture
def kvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for /dev/kvm."""
    device = tmp_path / "kvm"
    device.touch()
    monkeypatch.setattr(accelerator, "KVM", str(device))
    return device


def trial(*changes: str, secure_boot: bool = False) -> str | None:
    machine = (programs.require(qemu.BINARY, qemu.PACKAGE), "-accel", "tcg", "-cpu", "Westmere", *changes)
    return accelerator.trouble((*machine, *qemu.firmware_only(firmware.find(secure_boot=secure_boot))))


@pytest.mark.parametrize("secure_boot", [False, True])
def test_real_firmware_that_starts_is_no_trouble(secure_boot: bool) -> None:
    variables = firmware.find(secure_boot=secure_boot).variables
    before = variables.stat().st_mtime_ns

    assert trial("-cpu", "Westmere,vmx=off,svm=off", secure_boot=secure_boot) is None  # the words that KVM gets, too

    assert before == variables.stat().st_mtime_ns


def test_a_machine_that_qemu_refuses_is_trouble() -> None:
    said = trial("-cpu", "8086")
    assert said is not None
    assert "unable to find CPU model '8086'" in said


def test_firmware_that_says_nothing_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerator, "TRIAL_SECONDS", 0.5)
    assert "its firmware says nothing" == trial("-S")


def test_kvm_with_all_that_windows_likes(kvm: Path, tmp_path: Path) -> None:
    found = choose(tmp_path, fake(tmp_path, SERIAL_CONSOLE_IS_CLEARED))
    assert ("kvm", "") == (found.name, found.reason)
    assert "hv-time" in found.cpu_model
    assert found.cpu_model.startswith("host,vmx=off,svm=off,")


def test_kvm_without_enlightenments(kvm: Path, tmp_path: Path) -> None:
    found = choose(tmp_path, fake(tmp_path, NO_ENLIGHTENMENTS + SERIAL_CONSOLE_IS_CLEARED))
    assert Accelerator("kvm", "host,vmx=off,svm=off", "") == found


def test_kvm_under_which_firmware_dies(kvm: Path, tmp_path: Path) -> None:
    found = choose(tmp_path, fake(tmp_path, KVM_GIVES_UP))
    assert ("tcg", "/dev/kvm opens but a guest dies under it (KVM internal error. Suberror: 1)") == (
        found.name,
        found.reason,
    )


def test_no_kvm(kvm: Path, tmp_path: Path) -> None:
    kvm.unlink()
    found = choose(tmp_path, fake(tmp_path, ""))
    assert "tcg" == found.name
    assert found.reason.startswith("no /dev/kvm")


@pytest.mark.skipif(os.getuid() == 0, reason="root may open everything")
def test_kvm_of_others(kvm: Path, tmp_path: Path) -> None:
    kvm.chmod(0)
    assert "add your user to the group kvm" in choose(tmp_path, fake(tmp_path, "")).reason


def test_the_answer_is_kept_for_the_same_qemu_and_firmware(kvm: Path, tmp_path: Path) -> None:
    binary = fake(tmp_path, SERIAL_CONSOLE_IS_CLEARED)
    assert choose(tmp_path, binary) == choose(tmp_path, binary)
    assert 1 == starts(tmp_path)

    choose(tmp_path, binary, "firmware 2")
    assert 2 == starts(tmp_path)


def test_bad_news_is_believed_for_minutes_good_news_until_reboot(
    kvm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A KVM that was busy may work soon."""
    fake(tmp_path, KVM_GIVES_UP)
    assert "tcg" == choose(tmp_path, str(tmp_path / "qemu")).name
    at, tried = (tmp_path / "qemu").stat().st_mtime_ns, starts(tmp_path)
    binary = fake(tmp_path, SERIAL_CONSOLE_IS_CLEARED)
    os.utime(binary, ns=(at, at))  # the same program, when KVM is free again
    assert "tcg" == choose(tmp_path, binary).name
    assert tried == starts(tmp_path)

    soon = clock.now() + accelerator.BAD_NEWS_SECONDS + 1
    monkeypatch.setattr(clock, "now", lambda: soon)
    assert "kvm" == choose(tmp_path, binary).name

    monkeypatch.setattr(clock, "now", lambda: soon + 10 * 86400)
    assert "kvm" == choose(tmp_path, binary).name
    assert tried + 1 == starts(tmp_path)


def test_whoever_asks_for_it_has_it_tried_anew(kvm: Path, tmp_path: Path) -> None:
    binary = fake(tmp_path, SERIAL_CONSOLE_IS_CLEARED)
    for _ in range(2):
        accelerator.choose(binary, [], "firmware 1", tmp_path / "memory.json", anew=True)

    assert 2 == starts(tmp_path)
