"""QEMU's command line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.machine import firmware, qemu
from pytest_smolvm.machine.firmware import Firmware
from pytest_smolvm.machine.hardware import Hardware
from pytest_smolvm.machine.qemu import Config, Disc
from pytest_smolvm.machine.rundir import RunDirectory

FIRMWARE = Firmware(
    code=Path("/code.fd"), code_format="raw", variables=Path("/vars.fd"), variables_format="raw", smm=False
)
HARDWARE = Hardware(memory=1024, cpus=2, bus="virtio", secure_boot=False)
MACHINE = Config(
    binary="qemu-system-x86_64",
    accelerator="tcg",
    cpu_model="Westmere",
    hardware=HARDWARE,
    firmware=FIRMWARE,
    disk=Path("/run/disk.qcow2"),
)


def line(config: Config, directory: str = "/run") -> str:
    return " ".join(qemu.command(config, RunDirectory(Path(directory)), monitor_fd=5, tpm_fd=6))


def test_qemu_chooses_the_ssh_port() -> None:
    assert "hostfwd=tcp:127.0.0.1:0-:22" in line(MACHINE)


def test_qemu_starts_no_programs_and_gets_no_rights() -> None:
    assert " -sandbox on," in line(MACHINE)
    assert "spawn=deny" in line(MACHINE)
    assert "elevateprivileges=deny" in line(MACHINE)


def test_a_screen_is_shown_on_the_loopback_only_to_who_knows_the_password() -> None:
    assert "-vnc" not in line(MACHINE)
    assert " -vnc 127.0.0.1:0,to=999,password=on " in line(replace(MACHINE, vnc=True))


def test_a_clone_shares_the_templates_ram_until_it_writes() -> None:
    clone = replace(MACHINE, memory_file=Path("/t/memory"), memory_private=True, restored=True)

    assert "memory-backend-file,id=ram,size=1024M,mem-path=/t/memory,share=off" in line(clone)
    assert line(clone).endswith("-incoming defer")


def test_what_is_translated_while_a_guest_is_baked_is_kept() -> None:
    baked = replace(MACHINE, memory_file=Path("/t/memory"))
    clone = replace(baked, memory_private=True, restored=True)

    assert ",tb-size=1024" in line(baked)
    assert ",tb-size=256" in line(MACHINE)
    assert ",tb-size=256" in line(clone)


def test_a_bring_your_own_image_gets_devices_windows_knows() -> None:
    own = line(replace(MACHINE, hardware=replace(HARDWARE, bus="sata")))

    assert "ide-hd" in own
    assert "e1000e" in own
    assert "virtio-scsi" not in own
    assert "-device qemu-xhci -device usb-tablet" in own
    assert "usb" not in line(MACHINE)


def test_secure_boot_firmware_gets_smm() -> None:
    secure = line(replace(MACHINE, firmware=replace(FIRMWARE, smm=True)))

    assert "smm=on" in secure
    assert "driver=cfi.pflash01,property=secure,value=on" in secure


def test_a_bios_is_qemus_own() -> None:
    """Nothing of UEFI is there, and what it says is listened to."""
    told = line(replace(MACHINE, firmware=None))

    assert "pflash" not in told
    assert "smm=off" in told
    assert "path=/run/bios.log -device isa-debugcon,iobase=0x402," in told


def test_a_comma_in_a_path_is_no_separator() -> None:
    windows = Disc(name="windows", path=Path("/a,b.iso"))
    inside = replace(MACHINE, disk=Path("/run,1/disk.qcow2"), discs=(windows,), spare_disk=Path("/s,t.qcow2"))

    told = line(inside, "/run,1")

    assert "file=/run,,1/disk.qcow2" in told
    assert "file=/run,,1/variables.qcow2" in told
    assert "path=/run,,1/serial.log" in told
    assert "file=/a,,b.iso" in told
    assert "file=/s,,t.qcow2" in told


def test_discs_have_drives_of_their_own_in_the_order_of_booting() -> None:
    windows, answers = (
        Disc(name="windows", path=Path("/w.iso"), boot_index=1),
        Disc(name="answers", path=Path("/a.iso")),
    )

    told = line(replace(MACHINE, discs=(windows, answers)))

    assert "ide-cd,drive=windows,bus=ide.1,bootindex=1" in told
    assert "ide-cd,drive=answers,bus=ide.2" in told
    assert "ide.2,bootindex" not in told


def test_a_port_for_the_guests_agent_is_there_if_somebody_talks_to_it() -> None:
    words = qemu.command(MACHINE, RunDirectory(Path("/run")), monitor_fd=5, tpm_fd=6, agent_fd=9)

    assert "virtio-serial" not in line(MACHINE)
    assert "socket,id=agent,fd=9" in words
    assert "virtserialport,bus=serialports.0,chardev=agent,name=org.qemu.guest_agent.0" in words


def test_two_cards_never_offer_one_address() -> None:
    """Windows keeps an address on one card only, and after a restart that may be the one that leads nowhere."""
    networks = [
        re.search(r"(?<=,net=)[0-9.]+", word)
        for word in line(replace(MACHINE, spare_disk=Path("/s.qcow2"))).split()
        if word.startswith("user,")
    ]

    assert len(networks) == 2
    assert len({found.group() if found else "10.0.2.0" for found in networks}) == 2


def test_a_computer_without_a_tpm() -> None:
    assert "tpm-crb" in line(MACHINE)
    assert "tpm" not in line(replace(MACHINE, tpm=False))


def test_port_is_read_from_the_monitor() -> None:
    text = """hub 0
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[HOST_FORWARD]  14       127.0.0.1 41233       10.0.2.15    22     0     0
"""
    assert qemu.host_port(text, qemu.SSH) == 41233


def test_no_forwarding_is_an_error() -> None:
    with pytest.raises(SmolVMError, match="forwards no port"):
        qemu.host_port("nothing", qemu.SSH)


def test_firmware_is_found_by_a_user_without_a_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in containers that run as any user."""
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])

    assert firmware.find().code.exists()
