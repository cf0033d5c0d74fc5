"""The guest's root: Debian packages installed by mmdebstrap, and Windows' side prepared by wine, as one archive."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_smolvm.host.programs import require, run
from pytest_smolvm.images.practice.mirror import host_mirror
from pytest_smolvm.images.practice.recipe import HERE, SOURCES, PracticeRecipe, digest

PACKAGES = (
    "linux-image-amd64",
    "openssh-server",
    "qemu-guest-agent",
    "wine64",
    "xserver-xorg-core",
    "xserver-xorg-input-evdev",
    "xserver-xorg-video-fbdev",
    "xkb-data",
    "x11-xkb-utils",
    "libarchive-tools",
    "fontconfig-config",
    "fonts-liberation",
)
# Never unpacked: what no part of the guest reads, nor any package's installation.
_EXCLUDED = (
    *("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/iso-codes/*"),
    "/etc/kernel/postinst.d/*",  # the guest has its own initial RAM disk
    *(f"/usr/lib/x86_64-linux-gnu/lib{name}*" for name in ("LLVM", "gallium", "z3")),
    *(
        f"/usr/lib/modules/*/kernel/drivers/{name}/*"
        for name in ("gpu", "media", "infiniband", "iio", "staging", "usb")
    ),
    *(f"/usr/lib/modules/*/kernel/drivers/net/{name}/*" for name in ("wireless", "can", "wan", "usb", "phy")),
    *(
        f"/usr/lib/modules/*/kernel/{name}/*"
        for name in ("sound", "net/bluetooth", "net/mac80211", "fs/xfs", "fs/btrfs", "fs/bcachefs")
    ),
)
# Unpacked nevertheless: what a tablet needs.
_INCLUDED = tuple(f"/usr/lib/modules/*/kernel/drivers/usb/{name}" for name in ("common/*", "core/*", "host/xhci*"))


def root_key(recipe: PracticeRecipe) -> str:
    """The digest of what shapes the root."""
    return digest([recipe.suite], [HERE / "root.py", SOURCES / "prepare.sh", SOURCES / "windows.reg"])


def make_root(recipe: PracticeRecipe, archive: Path, log: Path) -> None:
    """Install the root into the tar file `archive`.

    :raises HostError: mmdebstrap is missing.
    :raises ToolError: it failed; the error ends with its last lines.
    """
    mirror = recipe.mirror or host_mirror()
    words = [
        require("mmdebstrap", "mmdebstrap"),
        *(
            "--mode=root" if os.geteuid() == 0 else "--mode=unshare",
            "--variant=essential",
            "--components=main",
            "--format=tar",
        ),
        *('--aptopt=Apt::Install-Recommends "false"', "--include=" + ",".join(PACKAGES)),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _EXCLUDED),
        *(f"--dpkgopt=path-include={pattern}" for pattern in _INCLUDED),
        f"--customize-hook=upload {SOURCES / 'windows.reg'} /windows.reg",
        # The text itself, not the file's name: in a user namespace root may not read the caller's home.
        "--customize-hook=" + (SOURCES / "prepare.sh").read_text(encoding="utf-8"),
        *(recipe.suite, os.fspath(archive)),
        *([mirror] if mirror else []),
    ]
    run("install the practice guest's packages", words, log=log)
