"""Which Windows an edition is, which one to install, and the facts that follow from it."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_smolvm.errors import ImageError, UsageError
from pytest_smolvm.images.windows.media.wim import Edition

# First build of each release, newest first; the folder is virtio-win's name for it.
_CLIENTS = ((22000, "Windows 11", "w11"), (10240, "Windows 10", "w10"))
_SERVERS = (
    (26100, "Windows Server 2025", "2k25"),
    (20348, "Windows Server 2022", "2k22"),
    (17763, "Windows Server 2019", "2k19"),
    (14393, "Windows Server 2016", "2k16"),
)
_OPENSSH_BUILD = 17763  # the OpenSSH optional feature exists since Windows 10 1809 and Server 2019

_FAVOURITES = ("Professional", "Enterprise", "EnterpriseEval", "ServerStandard", "ServerStandardEval")


def is_server(edition: Edition) -> bool:
    """Whether it is a Windows Server, with or without desktop."""
    return edition.installation.startswith("Server")


def is_core(edition: Edition) -> bool:
    """Whether it is a Server Core: no desktop, a command prompt only."""
    return edition.installation == "Server Core"


def is_evaluation(edition: Edition) -> bool:
    """Whether it runs out (90 or 180 days) and takes no product key."""
    return edition.edition_id.endswith("Eval")


def is_n(edition: Edition) -> bool:
    """Whether it is an N edition: no media player and codecs, otherwise the same."""
    return not is_server(edition) and edition.edition_id.removesuffix("Eval").endswith("N")


def release(edition: Edition) -> tuple[str, str]:
    """The release's name and virtio-win's folder for it: ``("Windows 11", "w11")``.

    :raises ImageError: older than Windows 10 or Server 2016.
    """
    return release_of(edition.name, edition.build, server=is_server(edition))


def release_of(name: str, build: int, *, server: bool) -> tuple[str, str]:
    """The same of a system that is installed.

    :param name: what it calls itself, for the error.
    :raises ImageError: older than Windows 10 or Server 2016.
    """
    for first, release, folder in _SERVERS if server else _CLIENTS:
        if build >= first:
            return release, folder
    raise ImageError(f"{name!r} is build {build}; Windows 10, Server 2016 or newer is needed")


def has_openssh_feature(edition: Edition) -> bool:
    """Whether this Windows has OpenSSH Server as an optional feature."""
    return edition.build >= _OPENSSH_BUILD


def choose(editions: Sequence[Edition], wanted: str | None) -> Edition:
    """The edition somebody asked for by index, name or id, or the best for tests.

    Where several are called so, one with a desktop: Server Core has the id of its larger sister.

    :raises UsageError: there is none such, or it is for other processors; the message lists what there is.
    """
    usable = [edition for edition in editions if edition.architecture == "amd64"]
    if wanted is None:
        return _favourite(usable)
    key = wanted.strip().lower()
    found = sorted(
        (edition for edition in editions if key in _names(edition)),
        key=lambda edition: (edition not in usable, is_core(edition)),
    )
    if found and found[0] not in usable:
        raise UsageError(
            f"edition {wanted!r} is Windows for {found[0].architecture or 'an unknown processor'}; the guests here"
            f" are amd64 (x64), for which the disc has:\n{listing(usable)}"
        )
    if found:
        return found[0]
    raise UsageError(f"edition {wanted!r} is not on the disc, which has:\n{listing(usable)}")


def listing(editions: Sequence[Edition]) -> str:
    """The editions, one a line."""
    return "\n".join(
        f"  {edition.index}  {edition.name}"
        f"  ({edition.edition_id}{', ' + edition.installation if is_server(edition) else ''})"
        for edition in editions
    )


def _names(edition: Edition) -> set[str]:
    return {str(edition.index), edition.name.lower(), edition.wim_name.lower(), edition.edition_id.lower()}


def _favourite(editions: Sequence[Edition]) -> Edition:
    for favourite in _FAVOURITES:
        for edition in editions:
            if edition.edition_id == favourite and not is_core(edition):
                return edition
    return editions[0]
