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

# KMS client setup keys, which Microsoft publishes ("Key Management Services client activation and product keys").
# They choose the edition during Setup and activate nothing. Keys of clients are good for Windows 10 and 11 alike.
_CLIENT_KEYS = {
    "Core": "TX9XD-98N7V-6WMQ6-BX7FG-H8Q99",
    "CoreN": "3KHY7-WNT83-DGQKR-F7HPR-844BM",
    "Professional": "W269N-WFGWX-YVC9B-4J6C9-T83GX",
    "ProfessionalN": "MH37W-N47XK-V7XM9-C7227-GCQG9",
    "ProfessionalWorkstation": "NRG8B-VKK3Q-CXVCJ-9G2XF-6Q84J",
    "ProfessionalWorkstationN": "9FNHH-K3HBT-3W4TD-6383H-6XYWF",
    "ProfessionalEducation": "6TP4R-GNPTD-KYYHQ-7B7DP-J447Y",
    "ProfessionalEducationN": "YVWGF-BXNMC-HTQYQ-CPQ99-66QFC",
    "Education": "NW6C2-QMPVW-D7KKK-3GKT6-VCFB2",
    "EducationN": "2WH4N-8QGBV-H22JP-CT43Q-MDWWJ",
    "Enterprise": "NPPR9-FWDCX-D2C8J-H872K-2YT43",
    "EnterpriseN": "DPH2V-TTNVB-4X9Q3-TJR4H-KHJW4",
    "EnterpriseS": "M7XTQ-FN8P6-TTKYV-9D4CC-J462D",
    "EnterpriseSN": "92NFX-8DJQP-P6BBQ-THF9C-7CG2H",
}
_SERVER_KEYS = {
    ("2k25", "ServerStandard"): "TVRH6-WHNXV-R9WG3-9XRFY-MY832",
    ("2k25", "ServerDatacenter"): "D764K-2NDRG-47T6Q-P8T8W-YP6DF",
    ("2k22", "ServerStandard"): "VDYBN-27WPP-V4HQT-9VMD4-VMK7H",
    ("2k22", "ServerDatacenter"): "WX4NM-KYWYW-QJJR4-XV3QB-6VM33",
    ("2k19", "ServerStandard"): "N69G4-B89J2-4G8F4-WWYCC-J464C",
    ("2k19", "ServerDatacenter"): "WMDGN-G9PQG-XVVXX-R3X43-63DFG",
    ("2k16", "ServerStandard"): "WC2BQ-8NRM3-FDDYY-2BFGV-KHKQY",
    ("2k16", "ServerDatacenter"): "CB7KF-BWN84-R7R2Y-793K2-8XDDG",
}
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
    for first, name, folder in _SERVERS if is_server(edition) else _CLIENTS:
        if edition.build >= first:
            return name, folder
    raise ImageError(f"{edition.name!r} is build {edition.build}; Windows 10, Server 2016 or newer is needed")


def has_openssh_feature(edition: Edition) -> bool:
    """Whether this Windows has OpenSSH Server as an optional feature."""
    return edition.build >= _OPENSSH_BUILD


def setup_key(edition: Edition) -> str | None:
    """Microsoft's public key that makes Setup choose this edition; None for evaluation media and editions without one."""
    if is_evaluation(edition):
        return None
    if is_server(edition):
        return _SERVER_KEYS.get((release(edition)[1], edition.edition_id.removesuffix("Core")))
    return _CLIENT_KEYS.get(edition.edition_id)


def choose(editions: Sequence[Edition], wanted: str | None) -> Edition:
    """The edition somebody asked for by name, id or index, or the best for tests.

    :raises UsageError: there is none such; the message lists what there is.
    """
    if wanted is None:
        return _favourite(editions)
    key = wanted.strip().lower()
    for edition in editions:
        if key in (str(edition.index), edition.name.lower(), edition.edition_id.lower()):
            return edition
    raise UsageError(f"edition {wanted!r} is not on the disc, which has:\n{listing(editions)}")


def listing(editions: Sequence[Edition]) -> str:
    """The editions, one a line."""
    return "\n".join(
        f"  {edition.index}  {edition.name}  ({edition.edition_id}{', ' + edition.installation if is_server(edition) else ''})"
        for edition in editions
    )


def _favourite(editions: Sequence[Edition]) -> Edition:
    for favourite in _FAVOURITES:
        for edition in editions:
            if edition.edition_id == favourite and not is_core(edition):
                return edition
    return editions[0]
