"""What a disc is, before anything is started."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_smolvm.errors import ImageError, UsageError
from pytest_smolvm.images.windows.media import editions, keys, windows_disc
from tests.images.windows.discs import edition_xml, joliet_iso, virtio_iso, windows_iso

CLIENT = (
    edition_xml(1, "Windows 11 Home", "Core"),
    edition_xml(2, "Windows 11 Pro N", "ProfessionalN"),
    edition_xml(3, "Windows 11 Pro", "Professional"),
)
SERVER = (
    edition_xml(
        1, "Windows Server 2022 Standard Evaluation", "ServerStandardEval", build=20348, installation="Server Core"
    ),
    edition_xml(
        2,
        "Windows Server 2022 Standard Evaluation (Desktop Experience)",
        "ServerStandardEval",
        build=20348,
        installation="Server",
    ),
)


def test_reads_a_microsoft_like_disc(tmp_path: Path) -> None:
    """Editions, language and build come out of UDF and the image's own list."""
    found = windows_disc.look(windows_iso(tmp_path / "w.iso", CLIENT))

    assert {edition.language for edition in found.editions} == {"en-US"}
    assert [edition.name for edition in found.editions] == ["Windows 11 Home", "Windows 11 Pro N", "Windows 11 Pro"]
    assert {edition.build for edition in found.editions} == {26100}
    assert editions.release(found.editions[0]) == ("Windows 11", "w11")


def test_reads_esd(tmp_path: Path) -> None:
    """Media made by the Media Creation Tool have install.esd."""
    assert (
        windows_disc.look(windows_iso(tmp_path / "w.iso", CLIENT, image="install.esd")).image == "sources/install.esd"
    )


@pytest.mark.tool("genisoimage")
def test_reads_another_writers_udf(tmp_path: Path) -> None:
    """Not only our library's own UDF: genisoimage's too, which remastered media have."""
    from tests.images.windows.discs import wim

    tree = tmp_path / "tree"
    for name, content in {"sources/install.wim": wim(CLIENT), "efi/boot/bootx64.efi": b"MZ"}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
    subprocess.run(
        ["genisoimage", "-quiet", "-udf", "-J", "-iso-level", "3", "-o", tmp_path / "w.iso", tree], check=True
    )

    assert len(windows_disc.look(tmp_path / "w.iso").editions) == 3


def test_favourite_edition(tmp_path: Path) -> None:
    """Pro on a client; Standard with desktop, not Core, on a server."""
    client = windows_disc.look(windows_iso(tmp_path / "c.iso", CLIENT)).editions
    server = windows_disc.look(windows_iso(tmp_path / "s.iso", SERVER)).editions

    assert editions.choose(client, None).index == 3
    assert editions.choose(server, None).index == 2
    assert editions.choose(client, "2").edition_id == "ProfessionalN"
    assert editions.choose(client, "windows 11 home").index == 1
    assert editions.choose(server, "1").installation == "Server Core"


def test_absent_edition_gives_the_list(tmp_path: Path) -> None:
    """The user sees at once what can be chosen."""
    found = windows_disc.look(windows_iso(tmp_path / "w.iso", CLIENT)).editions

    with pytest.raises(UsageError, match=r"(?s)'Enterprise'.*1  Windows 11 Home.*3  Windows 11 Pro "):
        editions.choose(found, "Enterprise")


def test_kinds_of_edition(tmp_path: Path) -> None:
    """Evaluation, N, Server and Server Core are told apart, and only what takes a key gets one."""
    home, pro_n, pro = windows_disc.look(windows_iso(tmp_path / "c.iso", CLIENT)).editions
    core, desktop = windows_disc.look(windows_iso(tmp_path / "s.iso", SERVER)).editions

    assert [editions.is_n(e) for e in (home, pro_n, pro, core)] == [False, True, False, False]
    assert [editions.is_core(e) for e in (pro, core, desktop)] == [False, True, False]
    assert [editions.is_evaluation(e) for e in (pro, core)] == [False, True]
    assert keys.setup_key(pro) == "W269N-WFGWX-YVC9B-4J6C9-T83GX"
    assert keys.setup_key(desktop) is None


@pytest.mark.parametrize(
    ("build", "installation", "expected"),
    [
        (19045, "Client", ("Windows 10", "w10")),
        (22631, "Client", ("Windows 11", "w11")),
        (26200, "Client", ("Windows 11", "w11")),
        (20348, "Server", ("Windows Server 2022", "2k22")),
        (26100, "Server Core", ("Windows Server 2025", "2k25")),
    ],
)
def test_releases(tmp_path: Path, build: int, installation: str, expected: tuple[str, str]) -> None:
    """The build number says which Windows it is; 26100 is 11 or Server 2025."""
    disc = windows_iso(tmp_path / "w.iso", (edition_xml(1, build=build, installation=installation),))

    assert editions.release(windows_disc.look(disc).editions[0]) == expected


def test_windows_7_is_too_old(tmp_path: Path) -> None:
    """Said before Setup would fail for want of drivers."""
    disc = windows_iso(tmp_path / "w.iso", (edition_xml(1, build=7601),))

    with pytest.raises(ImageError, match="build 7601"):
        editions.release(windows_disc.look(disc).editions[0])


def test_missing_file(tmp_path: Path) -> None:
    """No such file, and a directory."""
    with pytest.raises(ImageError, match="does not exist"):
        windows_disc.look(tmp_path / "none.iso")
    with pytest.raises(ImageError, match="is not a file"):
        windows_disc.look(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 100_000, b"QFI\xfb" + b"\0" * 100_000])
def test_not_an_iso(tmp_path: Path, content: bytes) -> None:
    """Empty, text, zeroes, a qcow2."""
    path = tmp_path / "w.iso"
    path.write_bytes(content)

    with pytest.raises(ImageError, match="is not a disc image"):
        windows_disc.look(path)


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.9, 0.99])
def test_truncated_iso(tmp_path: Path, fraction: float) -> None:
    """A broken download, wherever it broke off."""
    path = windows_iso(tmp_path / "w.iso", CLIENT)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])

    with pytest.raises(ImageError, match=r"cut off|not a disc image"):
        windows_disc.look(path)


@pytest.mark.parametrize("start", [17, 19, 20, 257, 260])
def test_damaged_iso(tmp_path: Path, start: int) -> None:
    """Garbage where the file system's structures should be is an error of ours, never a crash."""
    path = windows_iso(tmp_path / "w.iso", CLIENT)
    content = bytearray(path.read_bytes())
    content[start * 2048 : (start + 8) * 2048] = b"\xa5" * (8 * 2048)
    path.write_bytes(content)

    with pytest.raises(ImageError, match=r"w\.iso"):
        windows_disc.look(path)


@pytest.mark.parametrize("architecture", ["arm64", "x86"])
def test_wrong_architecture(tmp_path: Path, architecture: str) -> None:
    """The message says which one it is."""
    disc = windows_iso(tmp_path / "w.iso", (edition_xml(1, architecture=architecture),))

    with pytest.raises(ImageError, match=f"is Windows for {architecture}"):
        windows_disc.look(disc)


def test_no_loader_for_this_processor(tmp_path: Path) -> None:
    """An amd64 image on a disc that starts arm64 only."""
    disc = windows_iso(tmp_path / "w.iso", CLIENT, loader="bootaa64.efi")

    with pytest.raises(ImageError, match="only one for arm64"):
        windows_disc.look(disc)


def test_other_discs(tmp_path: Path) -> None:
    """The wrong one of the two, and some other system's."""
    with pytest.raises(ImageError, match="goes to --virtio-win-iso"):
        windows_disc.look(virtio_iso(tmp_path / "v.iso"))
    with pytest.raises(ImageError, match=r"debian.*is not a Windows installation disc"):
        windows_disc.look(joliet_iso(tmp_path / "d.iso", {"install.amd/vmlinuz": b"x"}, "debian"))
    with pytest.raises(ImageError, match=r"in parts \(install.swm\).*join"):
        windows_disc.look(joliet_iso(tmp_path / "s.iso", {"sources/install.swm": b"x"}, "x"))
    with pytest.raises(ImageError, match=r"for two processors.*make one for 64-bit only"):
        windows_disc.look(
            joliet_iso(
                tmp_path / "b.iso",
                {"x86/sources/install.esd": b"x", "x64/sources/install.esd": b"x", "boot/x.sdi": b""},
                "x",
            )
        )
    with pytest.raises(ImageError, match="recovery or PE disc"):
        windows_disc.look(joliet_iso(tmp_path / "p.iso", {"sources/boot.wim": b"x"}, "x"))


@pytest.mark.parametrize("content", [b"", b"MSWIM\0\0\0", b"x" * 5000])
def test_install_wim_of_another_kind(tmp_path: Path, content: bytes) -> None:
    """A disc with the right names and the wrong content."""
    disc = joliet_iso(tmp_path / "w.iso", {"sources/install.wim": content, "efi/boot/bootx64.efi": b"MZ"}, "x")

    with pytest.raises(ImageError, match=r"does not begin like|cut off"):
        windows_disc.look(disc)
