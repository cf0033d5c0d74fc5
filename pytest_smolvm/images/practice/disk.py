"""The guest's disk: a GPT with an EFI system partition and an ext4 root, made without mounting anything."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_smolvm.host.programs import require, run

MEGABYTE = 1 << 20
DISK_SIZE = 8192 * MEGABYTE
SYSTEM_PARTITION = (1, 31)  # start and size in megabytes
ROOT_PARTITION = (32, 8192 - 32 - 1)
ROOT_NAME = "practice-root"  # initrd.c looks for it
_TABLE = """\
label: gpt
unit: sectors
start={0}, size={1}, type=uefi, name=system
start={2}, size={3}, type=linux, name={4}
"""


def partition(disk: Path) -> None:
    """Make `disk` a sparse file with an empty partition table of ours."""
    sectors = [number * MEGABYTE // 512 for number in (*SYSTEM_PARTITION, *ROOT_PARTITION)]
    table = disk.with_suffix(".table")
    table.write_text(_TABLE.format(*sectors, ROOT_NAME))
    with open(disk, "wb") as file:
        file.truncate(DISK_SIZE)
    shell = f'exec "{require("sfdisk", "fdisk")}" --quiet "$1" <"$2"'
    run("partition the practice guest's disk", ["sh", "-c", shell, "sh", disk, table])


def fill_system_partition(disk: Path, kernel: Path) -> None:
    """Make the EFI system partition, with `kernel` as what the firmware starts."""
    start, size = SYSTEM_PARTITION
    with open(disk.with_suffix(".esp"), "wb") as file:
        file.truncate(size * MEGABYTE)
    system = Path(file.name)
    run("make the EFI system partition", [require("mkfs.vfat", "dosfstools"), "-F", "16", "-n", "SYSTEM", system])
    run("fill the EFI system partition", [require("mmd", "mtools"), "-i", system, "::/EFI", "::/EFI/BOOT"])
    run("fill the EFI system partition", [require("mcopy", "mtools"), "-i", system, kernel, "::/EFI/BOOT/BOOTX64.EFI"])
    with open(disk, "r+b") as target:
        target.seek(start * MEGABYTE)
        target.write(system.read_bytes())
    system.unlink()


def root_command(disk: Path, tree: str) -> list[str]:
    """The command that makes the root file system from the directory `tree`."""
    start, size = ROOT_PARTITION
    return [
        require("mke2fs", "e2fsprogs"),
        *("-q", "-F", "-t", "ext4", "-L", "practice", "-m", "0", "-J", "size=16", "-N", "262144"),
        # Inode tables are written now: a kernel that does it later would wake every idle guest and grow its overlay.
        *("-E", f"offset={start * MEGABYTE},lazy_itable_init=0,lazy_journal_init=0,nodiscard"),
        *("-d", tree, os.fspath(disk), f"{size}M"),
    ]


def seal(disk: Path, image: Path) -> None:
    """Compress the raw `disk` to the read-only qcow2 `image`."""
    words = [require("qemu-img", "qemu-utils"), "convert", "-f", "raw", "-O", "qcow2", "-c", "-W", "-m", "4"]
    run("compress the practice image", [*words, "-o", "compression_type=zstd", disk, image])
    image.chmod(0o444)
