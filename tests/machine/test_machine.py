"""One QEMU, with firmware but without a system: how it is born and buried, its screen, its keys."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_smolvm.errors import BootError, GuestDied, HostError, MonitorSilent
from pytest_smolvm.host.waiting import until
from pytest_smolvm.machine import machine
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.machine.hardware import Hardware
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.network import OPEN, network
from pytest_smolvm.machine.rundir import RunDirectory
from tests.lacking import calls_cannot_be_held, tpm_is_kept_out

HYPERVISOR = Hypervisor("qemu-system-x86_64", "7.2.22", Accelerator("tcg", "Westmere", ""))
HARDWARE = Hardware(memory=256, cpus=1, bus="sata", secure_boot=False)
PATIENCE = 300.0  # firmware that is emulated on a busy host
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> RunDirectory:
    """With signs in its name that mean something to QEMU and swtpm."""
    directory = tmp_path / """run, 1=2;%x | é @ "q" 's' $(t) `u`"""
    directory.mkdir()
    return RunDirectory(directory)


@pytest.fixture(name="image")
def _image(tmp_path: Path) -> Path:
    path = tmp_path / "empty.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"], check=True)
    return path


@pytest.fixture(name="running")
def _running(image: Path, files: RunDirectory) -> Iterator[Machine]:
    with machine.cold(image, HARDWARE, HYPERVISOR, files) as running:
        yield running


def test_one_that_was_killed_is_said_to_be_whenever_that_is_noticed(running: Machine) -> None:
    running.child.kill()

    with pytest.raises(GuestDied, match=r"QEMU ended with -9 .* somebody killed it"):
        while True:
            running.check()


def test_one_that_does_not_answer_is_told_from_a_time_out(running: Machine) -> None:
    os.kill(running.child.pid, signal.SIGSTOP)
    try:
        with pytest.raises(MonitorSilent, match=r"QEMU did not answer within 0\.2 s"):
            running.check(patience=0.2)
    finally:
        os.kill(running.child.pid, signal.SIGCONT)


def test_rules_that_this_kernel_does_not_keep_are_the_host_s_fault(
    image: Path, files: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls_cannot_be_held(monkeypatch)

    with (
        pytest.raises(HostError, match="no fence can be put around QEMU here, network='host' does without"),
        machine.cold(image, HARDWARE, HYPERVISOR, files, network=network(OPEN)),
    ):
        pass


def test_ports_of_the_guest_are_reached_from_here(running: Machine) -> None:
    """Each by one of its own, which QEMU listens on at once, whoever answers later."""
    ports = {running.ssh_port, running.forwarded(5985), running.forwarded(5986)}

    assert len(ports) == 3
    for port in ports:
        socket.create_connection(("127.0.0.1", port), 5).close()


def test_its_screen_can_be_seen_and_its_keys_and_pointer_used(running: Machine, files: RunDirectory) -> None:
    display = running.display
    until("the firmware's last word", lambda: files.serial_log.read_bytes().count(b"BdsDxe: "), timeout=PATIENCE)
    before = display.pixels()

    def changed() -> bool:
        display.press("shift", "down")
        return display.pixels() != before

    until("another screen", changed, timeout=PATIENCE, interval=0.5)
    display.picture(files.picture)
    display.point(0.5, 1.0)
    display.button("right", down=True)
    display.button("right", down=False)

    assert PNG == files.picture.read_bytes()[: len(PNG)]
    assert [] == list(files.path.glob(".screen*"))


def test_it_is_gone_after_the_block(image: Path, files: RunDirectory) -> None:
    with machine.cold(image, HARDWARE, HYPERVISOR, files) as running:
        assert running.cpu_seconds >= 0
        running.check()
        assert "500\n" == Path(f"/proc/{running.child.pid}/oom_score_adj").read_text()

    assert 0 == running.child.returncode  # asked by its monitor, not killed


def test_a_qemu_that_does_not_start(image: Path, files: RunDirectory) -> None:
    broken = Hypervisor("qemu-system-x86_64", "7.2.22", Accelerator("tcg", "no-such-processor", ""))

    with pytest.raises(BootError, match="QEMU did not start") as caught, machine.cold(image, HARDWARE, broken, files):
        pass

    assert "no-such-processor" in caught.value.log_tail


def test_a_tpm_that_does_not_start_is_explained_in_its_words(
    image: Path, files: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where AppArmor keeps swtpm out of the store."""
    tpm_is_kept_out(tmp_path, monkeypatch)

    with (
        pytest.raises(BootError, match="QEMU did not start") as caught,
        machine.cold(image, HARDWARE, HYPERVISOR, files),
    ):
        pass

    assert "Permission denied" in caught.value.log_tail
