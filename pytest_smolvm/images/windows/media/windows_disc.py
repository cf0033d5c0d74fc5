"""What a Windows installation disc is, read from it before anything is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import ImageError
from pytest_smolvm.images.windows.media import signature, wim
from pytest_smolvm.images.windows.media.disc import DiscImage, opened

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
    """All of Windows that is on it, also for other processors."""
    signers: tuple[str, ...]
    """Under which authorities its boot manager is signed: ``Microsoft Windows Production PCA 2011`` ..."""


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
        _check_architecture(path, found)
        _check_loader(disc, path)
        signers = signature.authorities(disc.read(_LOADER))
        return WindowsDisc(path=path, label=disc.label, image=image, editions=found, signers=signers)


def _check_architecture(path: Path, found: tuple[wim.Edition, ...]) -> None:
    if not found:
        raise ImageError(f"{path} lists no edition of Windows")
    architectures = {edition.architecture or "an unknown processor" for edition in found}
    if "amd64" not in architectures:
        raise ImageError(f"{path} is Windows for {', '.join(sorted(architectures))}; the guests here are amd64 (x64)")


def _check_loader(disc: DiscImage, path: Path) -> None:
    if not disc.has(_LOADER):
        other = next((name for loader, name in _OTHER_LOADERS.items() if disc.has(loader)), None)
        raise ImageError(
            f"{path} cannot start a 64-bit PC by UEFI: it has no {_LOADER}"
            + (f", only one for {other}" if other else "")
        )


def _stranger(disc: DiscImage, path: Path) -> str:
    if disc.has("sources/install.swm"):
        return (
            f"{path} has its Windows in parts (install.swm), which this command does not read; use the original ISO, or"
            " join them to one install.wim (wimlib-imagex join)"
        )
    if any(disc.has(f"x64/{name}") for name in _IMAGES):
        return (
            f"{path} holds Windows for two processors, as the Media Creation Tool makes it for 'both': it starts with a"
            " question; make one for 64-bit only (x64)"
        )
    if disc.has("sources/boot.wim"):
        return f"{path} is a Windows disc without an installation (no {' or '.join(_IMAGES)}): a recovery or PE disc"
    if disc.has("virtio-win_license.txt") or disc.files("vioscsi"):
        return f"{path} is the virtio-win driver disc, not a Windows ISO; it goes to --virtio-win-iso"
    return f"{path} ({disc.label or 'no label'}) is not a Windows installation disc: it has no {' or '.join(_IMAGES)}"
