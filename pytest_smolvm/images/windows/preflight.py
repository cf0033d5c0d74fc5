"""What can be known before anything is started: the media, the output's place, room and memory."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from pytest_smolvm.errors import CapacityError, HostError, ImageError, UsageError
from pytest_smolvm.host import limits
from pytest_smolvm.images.windows import accounts
from pytest_smolvm.images.windows.media import drivers, editions, keys, windows_disc
from pytest_smolvm.images.windows.media.drivers import Drivers
from pytest_smolvm.images.windows.media.wim import Edition
from pytest_smolvm.images.windows.media.windows_disc import WindowsDisc
from pytest_smolvm.images.windows.recipe import LOCALE, Recipe
from pytest_smolvm.machine import firmware

_GIB = 1 << 30
# Measured by others: the installed disk is about 1.3 times the unpacked edition; the compressed image about half of it.
_GROWTH = 1.3
_COMPRESSED = 0.6
_LEAST_ROOM = 2 * _GIB
# "Windows 11 specifications" (Microsoft).
_WINDOWS_11 = (("disk_size", 64, "GiB of disk"), ("memory", 4096, "MiB of memory"), ("cpus", 2, "processors"))


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the look at the media found."""

    disc: WindowsDisc
    edition: Edition
    release: str
    """``Windows 11``."""
    drivers: Drivers
    product_key: str | None
    warnings: tuple[str, ...]

    @property
    def language(self) -> str:
        """The language Setup speaks, ``en-US``."""
        return self.edition.language or "en-US"

    def __repr__(self) -> str:
        return f"Findings({self.release}, {self.edition.name}, virtio-win {self.drivers.version})"


def look(recipe: Recipe) -> Findings:
    """Look at the media of a recipe.

    :raises ImageError: a disc is not what it should be.
    :raises UsageError: the recipe does not fit what is on the discs.
    """
    disc = windows_disc.look(recipe.iso)
    edition = editions.choose(disc.editions, recipe.edition)
    release, folder = editions.release(edition)
    if edition.language and not LOCALE.fullmatch(edition.language):
        raise ImageError(
            f"{edition.name!r} on {recipe.iso} has the language {edition.language!r}, which is none of Windows'"
        )
    if editions.is_server(edition) and not recipe.default_password:
        accounts.check_complexity(recipe.user, recipe.password)
    if editions.is_core(edition) and recipe.desktop:
        raise UsageError(
            f"{edition.name!r} has no desktop to log on to;"
            " choose an edition with Desktop Experience, or leave out desktop"
        )
    _check_computer(recipe, release)
    if recipe.openssh is None and not editions.has_openssh_feature(edition):
        raise UsageError(
            f"{release} build {edition.build} has no OpenSSH feature; give a package of Win32-OpenSSH with --openssh"
        )
    found = drivers.look(recipe.virtio_iso, release, folder)
    key = recipe.product_key or keys.setup_key(edition)
    return Findings(
        disc=disc,
        edition=edition,
        release=release,
        drivers=found,
        product_key=key,
        warnings=(*_warnings(recipe, edition, key), *_distrust(recipe, disc), *found.warnings),
    )


def check_room(recipe: Recipe, edition: Edition) -> None:
    """Memory and disk space for the build.

    :raises CapacityError: there is not enough; the message has the numbers.
    """
    total, _ = limits.memory_mib()
    if recipe.memory > total:
        raise CapacityError(
            f"the build wants {recipe.memory} MiB of memory, this host has {total}; use a smaller --memory"
        )
    need = max(_LEAST_ROOM, int(edition.size * _GROWTH * (1 + _COMPRESSED)))
    free = shutil.disk_usage(recipe.output.expanduser().absolute().parent).free
    if free < need:
        raise CapacityError(
            f"building {edition.name!r} takes about {need / _GIB:.0f} GiB"
            f" in {recipe.output.expanduser().absolute().parent}, which has {free / _GIB:.1f} GiB free;"
            " choose another --output or free space"
        )


def _check_computer(recipe: Recipe, release: str) -> None:
    """Setup of Windows 11 looks at these itself, and stops at a page that nobody reads."""
    if release != "Windows 11":
        return
    for name, least, unit in _WINDOWS_11:
        value, avoidable = getattr(recipe, name), name != "cpus"
        if value < least and not (avoidable and recipe.bypass_checks):
            raise UsageError(
                f"Windows 11 wants at least {least} {unit}, the recipe has {name}={value}; give more"
                + (", or --bypass-checks" if avoidable else ": Setup cannot be told not to count them")
            )


def _warnings(recipe: Recipe, edition: Edition, key: str | None) -> tuple[str, ...]:
    found = []
    if editions.is_evaluation(edition):
        found.append(
            f"{edition.name!r} is an evaluation: it runs out and then shuts down every hour;"
            " build a new image before that"
        )
    elif key is None:
        found.append(
            f"no public setup key of {edition.name!r} ({edition.edition_id}) is known here; if Setup refuses to go on"
            " without one, give --product-key-file"
        )
    if recipe.openssh is None:
        found.append(
            "no --openssh package: unless Windows has OpenSSH in the box,"
            " it is fetched from Windows Update during the build"
        )
    if edition.language and recipe.locale and recipe.locale != edition.language:
        found.append(f"menus stay in {edition.language}, the disc's language; formats are {recipe.locale}")
    return tuple(found)


def _distrust(recipe: Recipe, disc: WindowsDisc) -> tuple[str, ...]:
    """What is to be said if Secure Boot will refuse the disc's boot manager."""
    if not recipe.secure_boot or not disc.signers:
        return ()
    try:
        variables = firmware.find(secure_boot=True).variables
    except HostError:
        return ()  # told when the computer is to be started
    trusted = variables.read_bytes()
    if any(name.encode("ascii") in trusted for name in disc.signers):
        return ()
    told = (
        f"the disc's boot manager is signed under {' and '.join(disc.signers)}, of which this host's firmware"
        f" ({variables}) does not know: Secure Boot will refuse it; use a newer OVMF, or --no-secure-boot"
    )
    return (told,)
