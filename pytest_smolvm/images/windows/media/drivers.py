"""What a virtio-win disc offers for one release of Windows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import ImageError
from pytest_smolvm.images.windows.media.disc import DiscImage, opened

# Without these a guest has neither disk nor network.
REQUIRED = ("vioscsi", "NetKVM")
# Used by the guests' other devices; a release without one of them still works.
_WELCOME = ("viostor", "vioserial", "viorng", "Balloon", "vioinput", "pvpanic")
AGENT = "guest-agent/qemu-ga-x86_64.msi"
_LABEL = re.compile(r"virtio-win-(\d+(?:\.\d+)+)", re.IGNORECASE)
_DRIVER_VERSION = re.compile(rb"^\s*DriverVer\s*=\s*([^;\r\n]+)", re.IGNORECASE | re.MULTILINE)
# 0.1.285: viostor corrupts page-file I/O, stop codes 0x1A and 0x3F (kvm-guest-drivers-windows issue 1614).
_BAD_VIOSTOR = {"0.1.285"}
# Until 0.1.221 the drivers were signed by Red Hat, whose certificate Windows asks whether to trust (rgl/windows-vagrant
# afd9683); since then by Microsoft.
_TRUSTED_SINCE = (0, 1, 221)
_NUMBERED = re.compile(r"\d+(\.\d+)+")


@dataclass(frozen=True, kw_only=True)
class Drivers:
    """The drivers of one virtio-win disc for one release."""

    path: Path
    version: str
    """``0.1.271``; from the drivers themselves if the label does not say."""
    folders: tuple[tuple[str, str], ...]
    """Driver and its folder on the disc: ``("vioscsi", "vioscsi/w11/amd64")``."""
    agent: str | None
    """The guest agent's installer on the disc."""
    warnings: tuple[str, ...] = ()


def look(path: Path, release: str, folder: str) -> Drivers:
    """Read what the virtio-win disc `path` has for a release.

    :param release: its name for messages, ``Windows 11``.
    :param folder: virtio-win's name for it, ``w11``.
    :raises ImageError: it is another disc, or lacks a required driver for the release.
    """
    with opened(path) as disc:
        if not any(disc.files(name) for name in REQUIRED):
            raise ImageError(
                f"{path} ({disc.label or 'no label'}) is not the virtio-win driver disc:"
                f" it has no folder {' or '.join(REQUIRED)}"
            )
        found = tuple((name, where) for name in (*REQUIRED, *_WELCOME) if (where := _folder(disc, name, folder)))
        missing = [name for name in REQUIRED if name not in dict(found)]
        if missing:
            raise ImageError(
                f"{path} has no {' and no '.join(missing)} driver for {release} ({folder}/amd64);"
                f" it has: {', '.join(_releases(disc, missing[0]))}"
            )
        version = _version(disc, dict(found)[REQUIRED[0]])
        return Drivers(
            path=path,
            version=version,
            folders=found,
            agent=AGENT if disc.has(AGENT) else None,
            warnings=_warnings(version, disc),
        )


def _folder(disc: DiscImage, driver: str, release: str) -> str | None:
    folder = f"{driver}/{release}/amd64"
    return folder if any(name.lower().endswith(".inf") for name in disc.files(folder)) else None


def _releases(disc: DiscImage, driver: str) -> list[str]:
    found = {name.split("/")[1] for name in disc.files(driver) if name.lower().split("/")[2:3] == ["amd64"]}
    return sorted(found) or ["none"]


def _version(disc: DiscImage, folder: str) -> str:
    label = _LABEL.search(disc.label)
    if label:
        return label.group(1)
    inf = next(name for name in disc.files(folder) if name.lower().endswith(".inf"))
    written = _DRIVER_VERSION.search(disc.read(inf).replace(b"\0", b""))  # some .inf files are UTF-16
    return written.group(1).decode("ascii", "replace").strip() if written else "unknown"


def _warnings(version: str, disc: DiscImage) -> tuple[str, ...]:
    found = []
    if version in _BAD_VIOSTOR:
        found.append(
            f"virtio-win {version}: its virtio-blk driver damages the page file"
            " (kvm-guest-drivers-windows issue 1614); the image uses virtio-scsi"
        )
    if _NUMBERED.fullmatch(version) and tuple(map(int, version.split("."))) < _TRUSTED_SINCE:
        found.append(
            f"virtio-win {version}: drivers before 0.1.221 are signed by a publisher that Windows does not trust by"
            " itself; they may not be installed without being asked: use a newer ISO"
        )
    if not disc.has(AGENT):
        found.append("the driver disc has no guest agent; the image is made without it")
    return tuple(found)
