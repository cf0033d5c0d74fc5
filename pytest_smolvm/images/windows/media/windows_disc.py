"""What a Windows installation disc is, read from it before anything is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import ImageError
from pytest_smolvm.images.windows.media import editions, wim
from pytest_smolvm.images.windows.media.disc import Disc, opened

_IMAGES = ("sources/install.wim", "sources/install.esd")
# Boot Manager's names after the UEFI specification, 3.5.1.1; an arm64 disc has no bootx64.efi.
_LOADER = "efi/boot/bootx64.efi"
_OTHER_LOADERS = {"efi/boot/bootaa64.efi": "arm64", "efi/boot/bootia32.efi": "x86"}


@dataclass(frozen=True, kw_only=True)
class WindowsDisc:
    """A Windows installation disc."""

    path: Path
    label: str
    image: str
    """``sources/install.wim`` or ``sources/install.esd``."""
    editions: tuple[wim.Edition, ...]

    @property
    def language(self) -> str:
        """The language Setup speaks, ``en-US``."""
        return self.editions[0].language or "en-US"


def look(path: Path) -> WindowsDisc:
    """Read what the disc image `path` is.

    :raises ImageError: it is no Windows disc for 64-bit PCs, or is damaged; the message says what it is.
    """
    with opened(path) as disc:
        image = next((name for name in _IMAGES if disc.has(name)), None)
        if image is None:
            raise ImageError(_stranger(disc, path))
        with disc.open(image) as (stream, length):
            found = wim.editions(stream, length, f"{image} on {path}")
        _check_architecture(disc, path, found)
        return WindowsDisc(path=path, label=disc.label, image=image, editions=found)


def _check_architecture(disc: Disc, path: Path, found: tuple[wim.Edition, ...]) -> None:
    if not found:
        raise ImageError(f"{path} lists no edition of Windows")
    architectures = {edition.architecture for edition in found}
    if architectures != {"amd64"}:
        raise ImageError(
            f"{path} is Windows for {', '.join(sorted(architectures)) or 'an unknown processor'}; the guests here are amd64 (x64)"
        )
    if not disc.has(_LOADER):
        other = next((name for loader, name in _OTHER_LOADERS.items() if disc.has(loader)), None)
        raise ImageError(
            f"{path} cannot start a 64-bit PC by UEFI: it has no {_LOADER}"
            + (f", only one for {other}" if other else "")
        )


def _stranger(disc: Disc, path: Path) -> str:
    if any(
        name.lower().endswith("/install.swm") or name.lower() == "sources/install.swm" for name in disc.files("sources")
    ):
        return f"{path} has a split install.swm, which Setup reads from USB sticks only; use the original ISO"
    if disc.has("sources/boot.wim"):
        return f"{path} is a Windows disc without an installation (no {' or '.join(_IMAGES)}): a recovery or PE disc"
    if disc.has("virtio-win_license.txt") or disc.files("vioscsi"):
        return f"{path} is the virtio-win driver disc, not a Windows ISO; it goes to --virtio-win-iso"
    return f"{path} ({disc.label or 'no label'}) is not a Windows installation disc: it has no {' or '.join(_IMAGES)}"
