"""What is laid over the installed root: the guest's own programs, settings and drivers, as one archive."""

from __future__ import annotations

import io
import lzma
import os
import tarfile
from pathlib import Path

from pytest_smolvm.host import clock
from pytest_smolvm.images.practice.kernel import KernelFiles
from pytest_smolvm.images.practice.pages import paged
from pytest_smolvm.images.practice.powershell import MODULES, VERSION
from pytest_smolvm.images.practice.recipe import SOURCES

PRACTICE = "usr/lib/practice"
SYSTEM = "home/smolvm/.wine/drive_c/windows/system32"
POWERSHELL = f"{SYSTEM}/WindowsPowerShell"
INSTALLED_MODULES = "home/smolvm/.wine/drive_c/Program Files/WindowsPowerShell/Modules"
_USER = 1000
# Loaded before the network is set up; after the services have been started, the pointer's by what there is; and where
# discs are mounted.
_DRIVERS = {
    "network": ("virtio_net", "e1000e"),
    "devices": ("button", "evdev", "virtio-rng"),
    "virtio-input": ("virtio_input",),
    "usb-input": ("xhci_pci", "hid_generic", "usbhid"),
    "discs": ("sr_mod", "isofs", "udf"),
}
_WINDOWS_PROGRAMS = {
    "sshd.exe": f"{SYSTEM}/OpenSSH/sshd.exe",
    "shutdown.exe": f"{SYSTEM}/shutdown.exe",
    "linux.exe": f"{SYSTEM}/tar.exe",
    "sockets.dll": f"{POWERSHELL}/{VERSION}/sockets.dll",
}


def make_overlay(archive: Path, kernel: KernelFiles, tools: Path, powershell: Path) -> None:
    """Write the overlay to the tar file `archive`."""
    with tarfile.open(archive, "w") as tar:
        for name in ("init", "shell", "sshd.so", "wineserver.so", "explorer.so"):
            _add(tar, f"{PRACTICE}/{name}", (tools / name).read_bytes(), 0o755)
        for script in ("agent", "bridge", "desktop"):
            _add(tar, f"{PRACTICE}/{script}", (SOURCES / "linux" / script).read_bytes(), 0o755)
        for stage, drivers in _DRIVERS.items():
            _add_drivers(tar, kernel, stage, drivers)
        _add(tar, "etc/ssh/sshd_config", (SOURCES / "etc" / "sshd_config").read_bytes())
        _add(tar, "etc/X11/xorg.conf", (SOURCES / "etc" / "xorg.conf").read_bytes())
        for name, path in _WINDOWS_PROGRAMS.items():
            _add(tar, path, paged((tools / name).read_bytes()), owner=_USER)
        _add_directory(tar, POWERSHELL, _USER)
        _add_tree(tar, powershell / VERSION, f"{POWERSHELL}/{VERSION}")
        _add_directory(tar, os.path.dirname(INSTALLED_MODULES), _USER)
        _add_directory(tar, INSTALLED_MODULES, _USER)
        _add_tree(tar, powershell / MODULES, INSTALLED_MODULES)


def _add_drivers(tar: tarfile.TarFile, kernel: KernelFiles, stage: str, names: tuple[str, ...]) -> None:
    paths = []
    for path in kernel.in_order(names):
        paths.append(f"{PRACTICE}/modules/{path.rpartition('/')[2].removesuffix('.xz')}")
        _add(tar, paths[-1], lzma.decompress(kernel.modules[path]))  # the guest's processor is the slow one
    _add(tar, f"{PRACTICE}/modules.{stage}", "".join(f"/{path}\n" for path in paths).encode())


def _add_tree(tar: tarfile.TarFile, source: Path, target: str) -> None:
    for directory, names, files in os.walk(source):
        names.sort()
        inside = os.path.normpath(os.path.join(target, os.path.relpath(directory, source)))
        _add_directory(tar, inside, _USER)
        for file in sorted(files):
            _add(tar, f"{inside}/{file}", paged(Path(directory, file).read_bytes()), owner=_USER)


def _add(tar: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644, owner: int = 0) -> None:
    _add_directory(tar, os.path.dirname(path), owner)
    entry = tarfile.TarInfo(f"./{path}")
    entry.size, entry.mode, entry.uid, entry.gid, entry.mtime = len(content), mode, owner, owner, int(clock.utc())
    tar.addfile(entry, io.BytesIO(content))


def _add_directory(tar: tarfile.TarFile, path: str, owner: int) -> None:
    entry = tarfile.TarInfo(f"./{path}")
    entry.type, entry.mode, entry.uid, entry.gid, entry.mtime = tarfile.DIRTYPE, 0o755, owner, owner, int(clock.utc())
    tar.addfile(entry)
