"""Which edition is meant, and which key makes Setup choose it. Discs are not needed: the list in a .wim is enough."""

from __future__ import annotations

import io

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.images.windows.media import editions, keys, wim
from tests.images.windows import discs
from tests.images.windows.discs import edition_xml


def listed(*images: str) -> tuple[wim.Edition, ...]:
    content = discs.wim(images)
    return wim.editions(io.BytesIO(content), len(content), "install.wim")


def server(index: int, name: str, edition_id: str, *, core: bool = False) -> str:
    kind = "Server Core" if core else "Server"
    spelt = f"Windows Server 2022 {edition_id.upper()}{'CORE' if core else ''}"
    return edition_xml(index, name, edition_id, build=20348, installation=kind, wim_name=spelt)


SERVERS = (
    server(1, "Windows Server 2022 Standard", "ServerStandard", core=True),
    server(2, "Windows Server 2022 Standard (Desktop Experience)", "ServerStandard"),
    server(3, "Windows Server 2022 Datacenter", "ServerDatacenter", core=True),
    server(4, "Windows Server 2022 Datacenter (Desktop Experience)", "ServerDatacenter"),
)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("ServerStandard", 2),  # the id of two: one with a desktop is meant
        ("serverdatacenter", 4),
        ("Windows Server 2022 SERVERSTANDARD", 2),  # the names that answer files give
        ("Windows Server 2022 SERVERSTANDARDCORE", 1),
        ("Windows Server 2022 Standard", 1),
        ("3", 3),
        (None, 2),
    ],
)
def test_servers(wanted: str | None, index: int) -> None:
    """By id, by either name, by number."""
    assert editions.choose(listed(*SERVERS), wanted).index == index


def test_other_processors() -> None:
    """A disc with both is judged by the edition that is wanted."""
    both = listed(
        edition_xml(1, "Windows 10 Pro", architecture="x86", build=19045),
        edition_xml(2, "Windows 10 Pro", build=19045),
        edition_xml(3, "Windows 10 Home", "Core", architecture="x86", build=19045),
    )

    assert editions.choose(both, None).index == 2
    assert editions.choose(both, "Professional").index == 2
    for wanted in ("1", "Core"):
        with pytest.raises(UsageError, match=r"is Windows for x86; .*\n  2  Windows 10 Pro"):
            editions.choose(both, wanted)


def test_images_that_are_no_windows() -> None:
    """Setup's own image on a disc of the Media Creation Tool has no <WINDOWS>."""
    other = '<IMAGE INDEX="1"><NAME>Windows Setup Media</NAME><TOTALBYTES>1</TOTALBYTES></IMAGE>'

    assert [edition.index for edition in listed(other, edition_xml(2))] == [2]


@pytest.mark.parametrize(
    ("language", "spelt"),
    [("en-us", "en-US"), ("EN-US", "en-US"), ("zh-hans-cn", "zh-Hans-CN"), ("sr-latn-rs", "sr-Latn-RS"), ("", "")],
)
def test_languages(language: str, spelt: str) -> None:
    """Images made by hand have small letters; the answer file has Windows' spelling."""
    assert listed(edition_xml(1, language=language))[0].language == spelt


@pytest.mark.parametrize(
    ("edition_id", "build", "installation", "key"),
    [
        ("Core", 26100, "Client", "YTMG3"),
        ("CoreN", 22631, "Client", "4CPRK"),
        ("CoreSingleLanguage", 26200, "Client", "BT79Q"),
        ("CoreCountrySpecific", 19045, "Client", "N2434"),
        ("Professional", 26200, "Client", "W269N"),
        ("EnterpriseS", 26100, "Client", "M7XTQ"),
        ("EnterpriseS", 14393, "Client", "DCPHK"),
        ("EnterpriseG", 26100, "Client", "YYVX9"),
        ("IoTEnterprise", 26100, "Client", "XQQYW"),
        ("IoTEnterpriseS", 26100, "Client", "KBN8V"),
        ("IoTEnterpriseS", 19044, "Client", "QPM6N"),
        ("ServerRdsh", 26100, "Client", "CPWHC"),
        ("ServerStandard", 26100, "Server", "TVRH6"),
        ("ServerStandardCore", 20348, "Server Core", "VDYBN"),
        ("ServerTurbine", 26100, "Server", "XGN3F"),
        ("ServerTurbineCor", 20348, "Server Core", "NTBV8"),
    ],
)
def test_keys(edition_id: str, build: int, installation: str, key: str) -> None:
    """Where there is a public key Setup need not ask; Home's are not on Microsoft's page of KMS keys."""
    (edition,) = listed(edition_xml(1, "x", edition_id, build=build, installation=installation))

    found = keys.setup_key(edition)

    assert found is not None
    assert found.startswith(key)


def test_keys_differ() -> None:
    """A key that stood in two rows would choose the wrong edition."""
    every = [
        *keys._CLIENTS.values(),
        *keys._GENERIC.values(),
        *keys._SERVERS.values(),
        *(k for _, k in keys._OLDER.values()),
    ]

    assert len(every) == len(set(every)) > 30


@pytest.mark.parametrize("edition_id", ["ProfessionalEval", "EnterpriseEval", "Cloud", "Unheard"])
def test_no_key(edition_id: str) -> None:
    """Evaluation media refuse any; of some editions none is known."""
    (edition,) = listed(edition_xml(1, "x", edition_id))

    assert keys.setup_key(edition) is None
