"""The guest's kernel: one EFI program made of systemd's stub, Debian's kernel and a tiny initial RAM disk."""

from __future__ import annotations

import gzip
import lzma
import struct
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import HostError, ImageError
from pytest_smolvm.host.programs import require, run

STUB = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
# tsc=reliable: an emulated processor's ticks come late, by which the kernel takes its time-stamp counter for the
# faulty one of the two, and then reads the time from an I/O port. Both counters are the host's; time is read at every
# system call and wait.
# norandmaps: QEMU keeps what it has translated by address, too. Where every process has its libraries elsewhere, each
# start of a program is translated again.
# transparent_hugepage=never: else the kernel copies pages together, sixteen MiB of them every ten seconds, and what an
# idle clone shares with its template becomes its own (Documentation/admin-guide/mm/transhuge.rst, khugepaged).
COMMAND_LINE = (
    "console=ttyS0 quiet loglevel=3 mitigations=off nokaslr norandmaps audit=0 apparmor=0 nowatchdog cryptomgr.notests"
    " transparent_hugepage=never random.trust_cpu=on random.trust_bootloader=on 8250.nr_uarts=1 panic=5 tsc=reliable"
)
DISK_DRIVERS = ("crc32c_generic", "crc32c_intel", "ext4", "virtio_scsi", "sd_mod", "virtio_blk", "ahci")
_PAGE = 0x1000


@dataclass(frozen=True)
class KernelFiles:
    """What the root's archive holds of the kernel."""

    image: bytes
    modules: dict[str, bytes]
    dependencies: dict[str, tuple[str, ...]]

    def in_order(self, names: Iterable[str]) -> list[str]:
        """The paths of the modules `names` and of all they need, each after what it needs.

        :raises ImageError: the kernel has no such module.
        """
        ordered: dict[str, None] = {}
        for name in names:
            path = self._find(name)
            for needed in reversed(self.dependencies[path]):
                ordered[needed] = None
            ordered[path] = None
        return list(ordered)

    def _find(self, name: str) -> str:
        wanted = {f"{name}.ko.xz", f"{name.replace('_', '-')}.ko.xz"}
        for path in self.dependencies:
            if path.rpartition("/")[2] in wanted:
                return path
        raise ImageError(f"the practice guest's kernel has no module {name}")


def read_kernel(root: Path) -> KernelFiles:
    """The kernel's files in the archive `root`."""
    image, dependencies, modules = b"", "", {}
    with tarfile.open(root) as archive:
        for member in archive:
            if not member.isfile() or not member.name.startswith(("./boot/vmlinuz", "./usr/lib/modules/")):
                continue
            content = archive.extractfile(member)
            assert content is not None
            if member.name.startswith("./boot/"):
                image = content.read()
            elif member.name.endswith("/modules.dep"):
                dependencies = content.read().decode()
            elif member.name.endswith(".ko.xz"):
                modules[member.name.split("/", 5)[5]] = content.read()
    if not (image and dependencies):
        raise ImageError(f"no kernel in {root}")
    return KernelFiles(image, modules, dict(_dependencies(dependencies)))


def initial_ram_disk(files: KernelFiles, init: Path) -> bytes:
    """A compressed cpio archive: `init` and the disk drivers, numbered in the order of loading."""
    entries = [("init", 0o100755, init.read_bytes()), ("modules", 0o40755, b"")]
    for number, path in enumerate(files.in_order(DISK_DRIVERS)):
        name = path.rpartition("/")[2].removesuffix(".xz")
        entries.append((f"modules/{number:02}-{name}", 0o100644, lzma.decompress(files.modules[path])))
    # Compressed lightly: the firmware measures every byte, then an emulated processor unpacks it.
    return gzip.compress(cpio(entries), 9, mtime=0)


def cpio(entries: Iterable[tuple[str, int, bytes]]) -> bytes:
    """A cpio archive in the kernel's format ("newc") of (name, mode, content)."""
    archive = bytearray()
    for number, (name, mode, content) in enumerate([*entries, ("dev", 0o40755, b""), ("TRAILER!!!", 0, b"")], 1):
        path = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
        archive += b"070701" + b"".join(b"%08X" % field for field in fields) + path
        archive += bytes(-len(archive) % 4) + content
        archive += bytes(-len(archive) % 4)
    return bytes(archive)


def check_stub() -> None:
    """Fail early if what the kernel is joined with is not there.

    :raises HostError: it is not.
    """
    if not STUB.exists():
        raise HostError(f"{STUB} is missing; on Debian: apt-get install systemd-boot-efi")


def unify(kernel: bytes, ram_disk: bytes, work: Path) -> Path:
    """Join stub, command line, RAM disk and kernel to one EFI program in the directory `work`."""
    sections = {
        "osrel": b"ID=practice\nNAME=practice\n\0",
        "cmdline": COMMAND_LINE.encode() + b"\0",
        "initrd": ram_disk,
        "linux": kernel,
    }
    address = _end_of(STUB)
    words: list[str] = []
    for name, content in sections.items():  # the kernel last: it unpacks itself beyond its own end
        path = work / f"section.{name}"
        path.write_bytes(content)
        words += ["--add-section", f".{name}={path}", "--change-section-vma", f".{name}={address:#x}"]
        address += len(content) + -len(content) % _PAGE
    output = work / "bootx64.efi"
    run("join the kernel with its EFI stub", [require("objcopy", "binutils"), *words, STUB, output])
    return output


def _end_of(program: Path) -> int:
    """The image base plus the size in memory of a PE program, from its optional header."""
    header = program.read_bytes()[:4096]
    optional = struct.unpack_from("<I", header, 0x3C)[0] + 24
    base: int = struct.unpack_from("<Q", header, optional + 24)[0]
    size: int = struct.unpack_from("<I", header, optional + 56)[0]
    return base + size + -size % _PAGE


def _dependencies(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in text.splitlines():
        path, _, needed = line.partition(":")
        yield path, tuple(needed.split())
