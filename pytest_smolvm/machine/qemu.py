"""QEMU's command line, as a pure function of what is wanted."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.host.store import GUEST_NAME
from pytest_smolvm.machine.firmware import Firmware
from pytest_smolvm.machine.hardware import Hardware
from pytest_smolvm.machine.rundir import RunDirectory

BINARY = "qemu-system-x86_64"
PACKAGE = "qemu-system-x86"
# The same in every clone: Windows takes a new MAC for a new network and would ask which profile it has.
_MAC = "52:54:00:53:4d:56"
# MiB. Under TCG, what is full of translated code is emptied as a whole: two PowerShells at work fill 128 MiB, and
# calls then take three times as long. Only what is used takes memory: an idle clone has some 100 MiB of it.
_TCG_CACHE_MIB = 256
# A guest that is to be frozen runs firmware, system and several PowerShells once: some 700 MiB of code, and what was
# dropped would be translated again. It lives for a minute, and there is one at a time.
_TCG_BAKING_CACHE_MIB = 1024
# How many of the host's displays are tried before there is none left, from 0 on: its ports from 5900 on.
_VNC_DISPLAYS = 999
DISK = "disk"
"""What QEMU calls the system disk."""
NET = "net"
"""What it calls the network."""
SSH = 22
"""Where a guest's SSH server listens."""
DISK_OPTIONS: dict[str, Any] = {"discard": "unmap", "detect_zeroes": "unmap", "cache": {"no-flush": True}}
"""Of an overlay that is put on top of it, as QEMU's monitor takes them: the same that the disk begins with."""


@dataclass(frozen=True, kw_only=True)
class Disc:
    """A disc in a CD-ROM drive."""

    name: str
    """What QEMU calls the drive."""
    path: Path
    """The disc's image, an ISO file."""
    boot_index: int | None = None
    """Its place in the firmware's order, after the system disk's 0; None: not started from."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that shapes one QEMU process, but for the files of its run directory."""

    binary: str
    accelerator: str
    cpu_model: str
    hardware: Hardware
    firmware: Firmware | None
    """None: a BIOS, of which QEMU brings one along."""
    disk: Path
    """The system disk, qcow2: this machine's alone."""
    tpm: bool = True
    """Give it a TPM 2.0."""
    discs: tuple[Disc, ...] = ()
    """In drives on the SATA ports behind the disk's."""
    spare_disk: Path | None = None
    """A second disk, on virtio-scsi, and an unconnected virtio network card: for a machine without virtio devices."""
    memory_file: Path | None = None
    """Keep RAM in this file rather than in anonymous memory."""
    memory_private: bool = False
    """Read RAM from `memory_file` but write to private copies of its pages, so that clones share it."""
    restored: bool = False
    """Wait for a device state (``migrate-incoming``) instead of starting firmware."""
    devices_only: bool = False
    """That state is of a machine's devices only: it does not begin with what machine it is."""
    vnc: bool = False
    """Show the screen by VNC on this host's loopback, to who knows the password that :meth:`Display.serve` sets."""


_SECURE_FLASH = ("-global", "driver=cfi.pflash01,property=secure,value=on")
# Windows with Secure Boot does not come back from S3 here.
_NO_S3 = ("-global", "ICH9-LPC.disable_s3=1")
# Whatever runs in a guest and gets out of it can start no program and get no other rights.
_SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"


def command(
    config: Config, files: RunDirectory, *, monitor_fd: int, tpm_fd: int, agent_fd: int | None = None
) -> list[str]:
    """The command that runs such a machine. It starts paused if `restored`, else at once.

    :param monitor_fd: a connected socket that QEMU speaks QMP on.
    :param tpm_fd: a connected socket to swtpm's control channel.
    :param agent_fd: a connected socket that the guest's agent is to speak on; None gives it no port for that.
    """
    words = [config.binary, "-name", GUEST_NAME, "-no-user-config", "-nodefaults", "-sandbox", _SANDBOX]
    words += ["-machine", _board(config), "-accel", _accelerator(config), "-cpu", config.cpu_model]
    words += ["-smp", str(config.hardware.cpus), "-m", f"{config.hardware.memory}M", "-object", _memory(config)]
    words += _flash(config, files) + _devices(config) + _storage(config) + _network(config) + _tpm(config, tpm_fd)
    words += ["-chardev", f"file,id=serial,path={_escaped(files.serial_log)}"]  # -serial file: cannot escape commas
    words += ["-display", "none", "-serial", "chardev:serial"]
    if config.vnc:
        words += ["-vnc", f"127.0.0.1:0,to={_VNC_DISPLAYS},password=on"]  # without a password it lets nobody in
    words += ["-chardev", f"socket,id=monitor,fd={monitor_fd}", "-mon", "chardev=monitor,mode=control"]
    # A guest that powers off stays as a paused QEMU, so that its end is read as an event and not as a crash.
    words += ["-no-shutdown"]
    if config.restored:
        words += ["-incoming", "defer"]
    if config.devices_only:
        words += ["-global", "migration.send-configuration=off"]
    return words + _discs(config) + _spares(config) + _agent(agent_fd)


def host_port(usernet: str, port: int) -> int:
    """The port of this host that leads to a guest's `port`, out of what QEMU's monitor prints for ``info usernet``.

    :raises SmolVMError: none does.
    """
    found = re.search(rf"TCP\[HOST_FORWARD\]\s+\S+\s+\S+\s+(\d+)\s+\S+\s+{port}\s", usernet)
    if found is None:
        raise SmolVMError(f"QEMU forwards no port to the guest's port {port}:\n{usernet}")
    return int(found.group(1))


def _board(config: Config) -> str:
    # vmport is VMware's back door and hpet burns time in Windows guests; neither is wanted. Before QEMU 7.0 the latter
    # was turned off by an option of its own.
    smm = "on" if config.firmware is not None and config.firmware.smm else "off"
    return f"q35,smm={smm},vmport=off,hpet=off,memory-backend=ram"


def _accelerator(config: Config) -> str:
    if config.accelerator != "tcg":
        return config.accelerator
    baking = config.memory_file is not None and not config.memory_private
    return f"tcg,thread=multi,tb-size={_TCG_BAKING_CACHE_MIB if baking else _TCG_CACHE_MIB}"


def _memory(config: Config) -> str:
    size = f"id=ram,size={config.hardware.memory}M"
    if config.memory_file is None:
        return f"memory-backend-ram,{size}"
    share = "off" if config.memory_private else "on"
    return f"memory-backend-file,{size},mem-path={_escaped(config.memory_file)},share={share}"


def code_flash(firmware: Firmware) -> list[str]:
    """The words that put `firmware` into a machine, but for its variables."""
    return ["-drive", f"if=pflash,unit=0,readonly=on,format={firmware.code_format},file={_escaped(firmware.code)}"]


def firmware_only(firmware: Firmware) -> list[str]:
    """The words for a board on which `firmware` starts as in any of our machines, leaving no trace in any file."""
    words = ["-machine", f"q35,smm={'on' if firmware.smm else 'off'}", *code_flash(firmware)]
    if firmware.smm:  # then it does not start without the variables that only it may write
        store = f"format={firmware.variables_format},snapshot=on,file={_escaped(firmware.variables)}"
        words += ["-drive", f"if=pflash,unit=1,{store}", *_SECURE_FLASH]
    return words


def _flash(config: Config, files: RunDirectory) -> list[str]:
    firmware = config.firmware
    if firmware is None:
        # SeaBIOS says nothing on the serial port, but what it starts to whoever listens on this one (its src/output.c).
        log = f"file,id=bios,path={_escaped(files.bios_log)}"
        return ["-chardev", log, "-device", "isa-debugcon,iobase=0x402,chardev=bios", *_NO_S3]
    words = code_flash(firmware)
    # qcow2, since QEMU refuses to save a machine whose writable flash is raw.
    words += ["-drive", f"if=pflash,unit=1,format=qcow2,file={_escaped(files.variables)}"]
    if firmware.smm:
        words += _SECURE_FLASH
    return [*words, *_NO_S3]


def _devices(config: Config) -> list[str]:
    words = ["-device", "VGA,xres=1280,yres=800", "-device", "vmgenid,guid=auto", "-device", "virtio-rng-pci"]
    words += ["-rtc", "base=utc,driftfix=slew"]
    words += ["-device", "virtio-keyboard-pci", "-device", "virtio-tablet-pci"]
    if config.hardware.bus == "sata":  # whose guests may have no driver for that one; the board has a PS/2 keyboard
        words += ["-device", "qemu-xhci", "-device", "usb-tablet"]
    return words


def _storage(config: Config) -> list[str]:
    # unsafe: nobody reads an overlay after its guest is gone. werror=stop turns a full host disk into an event.
    options = f"id={DISK},if=none,format=qcow2,cache=unsafe,discard=unmap,detect-zeroes=unmap,werror=stop"
    drive = f"{options},file={_escaped(config.disk)}"
    words = ["-drive", drive]
    if config.hardware.bus == "sata":
        return [*words, "-device", f"ide-hd,drive={DISK},bus=ide.0,bootindex=0"]
    # discard_granularity: TRIM of Windows' 2026 updates fails under smaller ones (kvm-guest-drivers-windows 1574).
    disk = f"scsi-hd,drive={DISK},bootindex=0,discard_granularity=65536,rotation_rate=1"
    return [*words, "-device", "virtio-scsi-pci,id=scsi", "-device", disk]


def _network(config: Config) -> list[str]:
    card = "e1000e" if config.hardware.bus == "sata" else "virtio-net-pci"
    # Port 0: QEMU asks the kernel, so that no two guests race for one number.
    words = ["-netdev", f"user,id={NET},ipv6=off,hostfwd=tcp:127.0.0.1:0-:{SSH}"]
    return [*words, "-device", f"{card},netdev={NET},mac={_MAC},romfile="]


def _tpm(config: Config, fd: int) -> list[str]:
    if not config.tpm:
        return []
    words = ["-chardev", f"socket,id=tpm,fd={fd}", "-tpmdev", "emulator,id=tpm0,chardev=tpm"]
    return [*words, "-device", "tpm-crb,tpmdev=tpm0"]


def _discs(config: Config) -> list[str]:
    words = []
    for port, disc in enumerate(config.discs, start=1):
        words += ["-drive", f"id={disc.name},if=none,media=cdrom,readonly=on,format=raw,file={_escaped(disc.path)}"]
        order = "" if disc.boot_index is None else f",bootindex={disc.boot_index}"
        words += ["-device", f"ide-cd,drive={disc.name},bus=ide.{port}{order}"]
    return words


def _agent(fd: int | None) -> list[str]:
    if fd is None:
        return []
    port = "virtserialport,bus=serialports.0,chardev=agent,name=org.qemu.guest_agent.0"  # what agents look for
    return ["-chardev", f"socket,id=agent,fd={fd}", "-device", "virtio-serial-pci,id=serialports", "-device", port]


def _spares(config: Config) -> list[str]:
    if config.spare_disk is None:
        return []
    words = ["-drive", f"id=spare,if=none,format=qcow2,file={_escaped(config.spare_disk)}"]
    words += ["-device", "virtio-scsi-pci,id=scsi", "-device", "scsi-hd,drive=spare,bus=scsi.0"]
    # A network of its own: QEMU gives the first card of each the address ending in .15, and of two cards with one
    # address Windows keeps it on whichever it likes.
    net = "user,id=sparenet,restrict=on,net=10.0.3.0/24"
    return [*words, "-netdev", net, "-device", "virtio-net-pci,netdev=sparenet,romfile="]


def _escaped(path: Path) -> str:
    """QEMU splits options at commas; a doubled one stands for itself."""
    return os.fspath(path).replace(",", ",,")
