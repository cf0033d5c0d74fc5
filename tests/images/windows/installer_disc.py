"""The practice installer: a disc that starts by UEFI, behaves like Windows Setup, and installs the practice system.

It has a Windows disc's layout: UDF, a boot loader that asks for a key, ``sources/install.wim`` with the real header and
list of editions. Where Windows' files would be are the used parts of a practice image.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import mmap
import os
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pycdlib

from pytest_smolvm.images.practice.disk import MEGABYTE, ROOT_PARTITION, SYSTEM_PARTITION
from pytest_smolvm.images.practice.kernel import KernelFiles, cpio, unify
from tests.images.windows.discs import edition_xml, wim_header

SOURCES = Path(__file__).parent / "installer"
MODULES = ("crc32c_generic", "ext4", "ahci", "sd_mod", "sr_mod", "isofs", "udf", "virtio_scsi")
_SIZE = 2_000_000_000  # bytes of the installed practice system, for the check of room
EDITIONS = (
    edition_xml(1, "Windows 11 Home", "Core", size=_SIZE),
    edition_xml(2, "Windows 11 Pro", "Professional", size=_SIZE),
    edition_xml(3, "Windows 11 Pro N", "ProfessionalN", size=_SIZE),
)
_CHUNK = 4 * MEGABYTE
# As in setup.c.
_STATE_OFFSET = 64 * 512
_SYSTEM = Path("/usr/lib/practice/installer.system")
_BARE = Path("/usr/lib/practice/bare")  # as in the practice guest's init.c


@dataclass(frozen=True)
class Piece:
    """A part of a disk that is not empty."""

    start: int
    length: int


def key() -> str:
    """Changes when another disc would be made of the same image."""
    found = hashlib.sha256()
    for path in (Path(__file__), *sorted(SOURCES.iterdir())):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def make(image: Path, files: KernelFiles, work: Path, output: Path, variant: str = "") -> Path:
    """Write the installer's disc.

    :param image: a practice image, qcow2.
    :param files: the kernel that belongs to it.
    :param work: an empty directory; its content may be removed afterwards.
    :param variant: how it is to fail: ``hang``, ``loop`` ...; "" installs.
    """
    program = _installer_program(files, work)
    setup = _setup(program, work)
    prompt, boot = _prompt(work), work / "boot.img"
    _fat(boot, program.stat().st_size // MEGABYTE + 4, {"EFI/BOOT/BOOTX64.EFI": prompt, "INSTALL.EFI": program})
    raw = work / "system.raw"
    _run("qemu-img", "convert", "-O", "raw", image, raw)
    system, wim = work / "system.img", work / "install.wim"
    with open(raw, "rb") as disk:
        disk.seek(SYSTEM_PARTITION[0] * MEGABYTE)
        system.write_bytes(disk.read(SYSTEM_PARTITION[1] * MEGABYTE))
    _wim(raw, list(_pieces(image)), wim)
    raw.unlink()
    contents = {
        "sources/install.wim": wim,
        "sources/boot.wim": program,
        "sources/setup.img": setup,
        "sources/system.img": system,
    }
    # The firmware may start either file system of the disc, UDF or the one in the El Torito image.
    contents |= {"efi/boot/bootx64.efi": prompt, "INSTALL.EFI": program}
    _disc(output, contents, boot, variant)
    return output


def generalize(disk: Path, files: KernelFiles, work: Path, state: str = "generalized") -> Path:
    """Leave the plain practice disk `disk` as Sysprep leaves a Windows: its next start is a first one.

    :param files: the kernel that belongs to it.
    :param work: an empty directory.
    :param state: ``generalized``; ``generalized-page`` is one whose page no answer file keeps from waiting.
    """
    own, setup = work / "system.img", _setup(_installer_program(files, work), work)
    start = SYSTEM_PARTITION[0] * MEGABYTE
    with open(disk, "r+b") as file:
        file.seek(start)
        own.write_bytes(file.read(SYSTEM_PARTITION[1] * MEGABYTE))
        file.seek(start)
        file.write(setup.read_bytes())
    _leave(disk, work, state, {_SYSTEM: own})
    return disk


def make_bare(disk: Path, work: Path, entrance: str = "agent", files: Mapping[Path, Path | None] | None = None) -> Path:
    """Take the SSH server from the plain practice disk `disk`, until a service of that name is installed.

    :param work: an empty directory.
    :param entrance: what programs may be started through instead.
    :param files: what that takes, by the names in the disk's root; None takes one away.
    """
    mark = work / "mark"
    mark.touch()
    _leave(disk, work, f"bare-{entrance}", {_BARE: mark, **(files or {})})
    return disk


def _leave(disk: Path, work: Path, state: str, files: Mapping[Path, Path | None]) -> None:
    """Note a state on a practice disk, and write files into its root, over those that are there."""
    with open(disk, "r+b") as file:
        file.seek(_STATE_OFFSET)
        file.write(f"PRACTICE-{state}".encode())
    orders = work / "orders"
    lines = []
    for target, source in files.items():
        lines.append(f"cd {target.parent}\nrm {target.name}\n")
        if source is not None:
            lines.append(f"write {source} {target.name}\n")
    orders.write_text("".join(lines), encoding="utf-8")
    _run("debugfs", "-w", "-f", orders, f"{disk}?offset={ROOT_PARTITION[0] * MEGABYTE}")


def _setup(program: Path, work: Path) -> Path:
    """A system partition that starts the installer's second part."""
    setup = work / "setup.img"
    _fat(setup, SYSTEM_PARTITION[1], {"EFI/BOOT/BOOTX64.EFI": program})
    return setup


def with_variant(disc: Path, output: Path, variant: str) -> Path:
    """A copy of a disc that fails in another way: the variant's file has room for any name."""
    return _changed(disc, output, _marker(""), _marker(variant))


def with_hanging_loader(disc: Path, output: Path) -> Path:
    """A copy of a disc whose boot loader never asks for a key nor gives up."""
    return _changed(disc, output, b"practice prompt: wait", b"practice prompt: hang")


def _changed(disc: Path, output: Path, old: bytes, new: bytes) -> Path:
    """A copy of a disc with some bytes replaced wherever they are."""
    subprocess.run(["cp", "--reflink=auto", "--sparse=always", disc, output], check=True)
    with open(output, "r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        at = content.find(old)
        assert at >= 0, f"{disc} does not hold {old!r}"
        while at >= 0:
            content[at : at + len(old)] = new
            at = content.find(old, at + len(old))
    return output


def _marker(variant: str) -> bytes:
    return variant.encode().ljust(32, b"\0") + b"practice installer variant".ljust(480, b".")


def _installer_program(files: KernelFiles, work: Path) -> Path:
    """The installer's kernel and first process in one EFI program."""
    init = work / "setup"
    _run(
        "gcc",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-static",
        "-s",
        "-o",
        init,
        SOURCES / "setup.c",
        SOURCES / "answers.c",
        "-lcrypt",
    )
    entries = [("init", 0o100755, init.read_bytes()), ("modules", 0o40755, b"")]
    for number, path in enumerate(files.in_order(MODULES)):
        name = path.rpartition("/")[2].removesuffix(".xz")
        entries.append((f"modules/{number:02}-{name}", 0o100644, lzma.decompress(files.modules[path])))
    return unify(files.image, cpio(entries), work)


def _prompt(work: Path) -> Path:
    """The boot loader that asks for a key."""
    code, program = work / "prompt.o", work / "prompt.efi"
    flags = (
        "-ffreestanding",
        "-fno-stack-protector",
        "-fpic",
        "-fcf-protection=none",
        "-fno-asynchronous-unwind-tables",
        "-fno-ident",
        "-mno-red-zone",
        "-fshort-wchar",
    )
    _run("gcc", "-c", "-O1", "-Wall", "-Wextra", "-Werror", *flags, "-o", code, SOURCES / "prompt.c")
    # Subsystem 10 is an EFI application; the code refers to itself relatively, so it needs no relocations.
    _run("ld", "-m", "i386pep", "--subsystem", "10", "--entry", "start", "--image-base", "0", "-o", program, code)
    return program


def _fat(path: Path, megabytes: int, contents: dict[str, Path]) -> None:
    with open(path, "wb") as file:
        file.truncate(megabytes * MEGABYTE)
    _run("mkfs.vfat", "-n", "SYSTEM", path)
    _run("mmd", "-i", path, "::/EFI", "::/EFI/BOOT")
    for name, source in contents.items():
        _run("mcopy", "-i", path, source, f"::/{name}")


def _pieces(image: Path) -> Iterator[Piece]:
    """The parts of a qcow2 that hold data, without the system partition, which the installer writes itself."""
    first, last = SYSTEM_PARTITION[0] * MEGABYTE, sum(SYSTEM_PARTITION) * MEGABYTE
    for row in json.loads(_run("qemu-img", "map", "--output=json", image)):
        if row["zero"]:
            continue
        start, end = row["start"], row["start"] + row["length"]
        if start < first:
            yield Piece(start, min(end, first) - start)
        if end > last:
            yield Piece(max(start, last), end - max(start, last))


def _wim(raw: Path, pieces: Sequence[Piece], output: Path) -> None:
    listed = f"<WIM>{''.join(EDITIONS)}</WIM>".encode("utf-16")
    table_size = 8 + 24 * len(pieces)
    payload = table_size + sum(piece.length for piece in pieces)
    with open(raw, "rb") as source, open(output, "wb") as target:
        target.write(wim_header(payload, len(listed), len(EDITIONS)))
        target.write(struct.pack("<Q", len(pieces)))
        at = 208 + table_size
        for piece in pieces:
            target.write(struct.pack("<QQQ", piece.start, piece.length, at))
            at += piece.length
        for piece in pieces:
            source.seek(piece.start)
            left = piece.length
            while left:
                chunk = source.read(min(left, _CHUNK))
                target.write(chunk.ljust(min(left, _CHUNK), b"\0"))
                left -= min(left, _CHUNK)
        target.write(listed)


def _disc(output: Path, contents: dict[str, Path], boot: Path, variant: str) -> None:
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, udf="2.60", vol_ident="PRACTICE_X64")
    readme = b"This disc contains a UDF file system.\r\n"
    iso.add_fp(io.BytesIO(readme), len(readme), iso_path="/README.TXT;1")
    for folder in ("/sources", "/efi", "/efi/boot"):
        iso.add_directory(udf_path=folder)
    for name, path in contents.items():
        iso.add_file(os.fspath(path), udf_path=f"/{name}")
    marker = _marker(variant)
    iso.add_fp(io.BytesIO(marker), len(marker), udf_path="/sources/variant")
    iso.add_file(os.fspath(boot), iso_path="/BOOT.IMG;1")
    # Platform 0xEF is UEFI; a size of one sector stands for "all of the image" to the firmware.
    iso.add_eltorito("/BOOT.IMG;1", bootcatfile="/BOOT.CAT;1", platform_id=0xEF, boot_load_size=1, efi=True)
    iso.write(os.fspath(output))
    iso.close()


def _run(*command: str | os.PathLike[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
