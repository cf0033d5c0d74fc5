"""Microsoft's public product keys: they choose an edition during Setup and activate nothing."""

from __future__ import annotations

from pytest_smolvm.images.windows.media import editions
from pytest_smolvm.images.windows.media.wim import Edition

# KMS client setup keys ("Key Management Services client activation and product keys", Microsoft Learn). Those of
# clients are good for Windows 10 and 11 alike.
_CLIENTS = {
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
    "EnterpriseG": "YYVX9-NTFWV-6MDM3-9PT4T-4M68B",
    "EnterpriseGN": "44RPN-FTY23-9VTTB-MP9BX-T84FV",
    "EnterpriseS": "M7XTQ-FN8P6-TTKYV-9D4CC-J462D",
    "EnterpriseSN": "92NFX-8DJQP-P6BBQ-THF9C-7CG2H",
    "IoTEnterpriseS": "KBN8V-HFGQ4-MGXVD-347P6-PDQGT",
}
# Editions that no KMS server activates: the keys that Windows itself has before it is given another one, in use by
# quickemu, dockur/windows, schneegans.de's generator and others. Home's are not KMS keys.
_GENERIC = {
    "Core": "YTMG3-N6DKC-DKB77-7M9GH-8HVX7",
    "CoreN": "4CPRK-NM3K3-X6XXQ-RXX86-WXCHW",
    "CoreSingleLanguage": "BT79Q-G7N6G-PGBYW-4YWX6-6F4BT",
    "CoreCountrySpecific": "N2434-X9D7W-8PF6X-8DV9T-8TYMD",
    "IoTEnterprise": "XQQYW-NFFMW-XJPBH-K8732-CKFFD",
    "IoTEnterpriseK": "P8Q7T-WNK7X-PMFXY-VXHBG-RRK69",
    "IoTEnterpriseSK": "N979K-XWD77-YW3GB-HBGH6-D32MH",
    "ServerRdsh": "CPWHC-NT2C7-VYW78-DHDB2-PG3GK",
}
# Releases of long service with a key of their own, by the first build that no longer takes it. 19044 as on its discs
# does not know the KMS key of its IoT edition, which came with an update.
_OLDER = {
    "EnterpriseS": (17763, "DCPHK-NFMTC-H88MJ-PFHPY-QJ4BJ"),
    "EnterpriseSN": (17763, "QFFDN-GRT3P-VKWWX-X7T3R-8B639"),
    "IoTEnterpriseS": (22000, "QPM6N-7J2WJ-P88HH-P3YRH-YY74H"),
}
_SERVERS = {
    ("2k25", "ServerStandard"): "TVRH6-WHNXV-R9WG3-9XRFY-MY832",
    ("2k25", "ServerDatacenter"): "D764K-2NDRG-47T6Q-P8T8W-YP6DF",
    ("2k25", "ServerTurbine"): "XGN3F-F394H-FD2MY-PP6FD-8MCRC",
    ("2k22", "ServerStandard"): "VDYBN-27WPP-V4HQT-9VMD4-VMK7H",
    ("2k22", "ServerDatacenter"): "WX4NM-KYWYW-QJJR4-XV3QB-6VM33",
    ("2k22", "ServerTurbine"): "NTBV8-9K7Q8-V27C6-M2BTV-KHMXV",
    ("2k19", "ServerStandard"): "N69G4-B89J2-4G8F4-WWYCC-J464C",
    ("2k19", "ServerDatacenter"): "WMDGN-G9PQG-XVVXX-R3X43-63DFG",
    ("2k19", "ServerSolution"): "WVDHN-86M7X-466P6-VHXV7-YY726",
    ("2k16", "ServerStandard"): "WC2BQ-8NRM3-FDDYY-2BFGV-KHKQY",
    ("2k16", "ServerDatacenter"): "CB7KF-BWN84-R7R2Y-793K2-8XDDG",
    ("2k16", "ServerSolution"): "JCKRF-N37P4-C2D82-9YXRT-4M63B",
}


def setup_key(edition: Edition) -> str | None:
    """The public key that makes Setup choose this edition.

    None for evaluation media, which refuse any, and for editions without one.
    """
    name = edition.edition_id
    if editions.is_evaluation(edition):
        return None
    if editions.is_server(edition):
        return _SERVERS.get((editions.release(edition)[1], name.removesuffix("Core").removesuffix("Cor")))
    first, older = _OLDER.get(name, (0, ""))
    return older if edition.build < first else _CLIENTS.get(name) or _GENERIC.get(name)
