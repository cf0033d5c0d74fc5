"""The practice disk as people bring disks: whole, for a computer with a BIOS, in any format, in any archive."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

from pytest_smolvm.images.practice.disk import MEGABYTE, SYSTEM_PARTITION
from pytest_smolvm.images.practice.kernel import COMMAND_LINE

_BASIC = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
_BOOT_CODE = Path("/usr/lib/syslinux/mbr/gptmbr.bin")
_CONFIG = f"DEFAULT practice\nLABEL practice\nLINUX vmlinuz\nINITRD initrd\nAPPEND {COMMAND_LINE}\n"


def whole(image: Path, target: Path) -> Path:
    """The content of the practice image as a plain file with holes."""
    subprocess.run(["qemu-img", "convert", "-O", "raw", image, target], check=True)
    return target


def with_bios(disk: Path) -> Path:
    """Have a BIOS start the plain practice disk `disk`: its EFI system partition becomes one of syslinux."""
    start, size = SYSTEM_PARTITION
    system = disk.with_suffix(".system")
    with open(disk, "r+b") as file:
        file.seek(start * MEGABYTE)
        system.write_bytes(file.read(size * MEGABYTE))
        _boot_from_bios(system)
        file.seek(start * MEGABYTE)
        file.write(system.read_bytes())
        file.seek(0)
        file.write(_BOOT_CODE.read_bytes())
    system.unlink()
    for change, value in (("--part-type", _BASIC), ("--part-attrs", "LegacyBIOSBootable")):
        subprocess.run(["sfdisk", "--quiet", change, disk, "1", value], check=True)
    return disk


def _boot_from_bios(system: Path) -> None:
    """Replace the EFI program by its parts, and by what starts them."""
    program = system.with_suffix(".efi")
    subprocess.run(["mcopy", "-i", system, "::/EFI/BOOT/BOOTX64.EFI", program], check=True)
    subprocess.run(["mdeltree", "-i", system, "::/EFI"], check=True)
    for section, name in ((".linux", "vmlinuz"), (".initrd", "initrd")):
        part = system.with_suffix(section)
        subprocess.run(["objcopy", "-O", "binary", "--only-section", section, program, part], check=True)
        subprocess.run(["mcopy", "-i", system, part, f"::/{name}"], check=True)
        part.unlink()
    config = system.with_suffix(".cfg")
    config.write_text(_CONFIG)
    subprocess.run(["mcopy", "-i", system, config, "::/syslinux.cfg"], check=True)
    subprocess.run(["syslinux", "-i", system], check=True)
    config.unlink()
    program.unlink()


def converted(disk: Path, target: Path, *words: str) -> Path:
    """The plain disk `disk` in the format that `words` tell qemu-img."""
    subprocess.run(["qemu-img", "convert", "-f", "raw", *words, disk, target], check=True)
    return target


def packed(target: Path, *files: Path, mode: str = "w") -> Path:
    """An archive with these files."""
    with tarfile.open(target, mode) as archive:
        for file in files:
            archive.add(file, file.name)
    return target
