"""What is on a disk: NTFS as ntfs-3g makes it, hives as Windows lays them out, partition tables of both kinds."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import pytest

from pytest_smolvm.errors import ImageError
from pytest_smolvm.images.windows.foreign import system
from pytest_smolvm.images.windows.foreign.hive import Hive
from pytest_smolvm.images.windows.foreign.ntfs import Volume
from pytest_smolvm.images.windows.foreign.system import LocalAccount
from tests.images.windows.foreign import hives

START = 1 << 20
CONFIG = "Windows/System32/config"
EFI, BASIC = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
PEOPLE = {"Administrator": (500, True), "Guest": (501, True), "vagrant": (1000, False)}
WINDOWS: Mapping[str, bytes] = {
    f"{CONFIG}/SOFTWARE": hives.software("Windows 10 Pro", "19045"),
    f"{CONFIG}/SAM": hives.sam(PEOPLE),
    f"{CONFIG}/SYSTEM": hives.system({"vioscsi": 0, "netkvm": 3, "storahci": 0}),
}
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/fuse") or not all(map(shutil.which, ("ntfs-3g", "mkntfs"))),
    reason="an NTFS with files is made by mounting one: that takes root, FUSE and ntfs-3g",
)


def mbr(disk: Path) -> None:
    """One partition, as computers with a BIOS have it."""
    with open(disk, "r+b") as file:
        file.seek(446)
        file.write(struct.pack("<B3sB3sII", 0x80, bytes(3), 0x07, bytes(3), START // 512, 1 << 17))
        file.seek(510)
        file.write(b"\x55\xaa")


def gpt(disk: Path, kinds: Mapping[str, int], name: str = "Basic data partition") -> None:
    """Partitions of some kinds, each at a place."""
    with open(disk, "r+b") as file:
        file.seek(512)
        file.write(b"EFI PART".ljust(72, b"\0") + struct.pack("<QII", 2, 128, 128))
        for number, (kind, start) in enumerate(kinds.items()):
            file.seek(1024 + 128 * number)
            places = struct.pack("<QQQ", start // 512, start // 512 + 100, 0)
            file.write(UUID(kind).bytes_le + bytes(16) + places + name.encode("utf-16-le"))


def ntfs(disk: Path, files: Mapping[str, bytes]) -> Path:
    """A disk with an NTFS that has files."""
    volume, place = disk.with_suffix(".ntfs"), disk.with_suffix(".mounted")
    with open(volume, "wb") as file:
        file.truncate(64 << 20)
    subprocess.run([shutil.which("mkntfs") or "mkntfs", "-F", "-q", volume], check=True, capture_output=True)
    place.mkdir()
    subprocess.run(["ntfs-3g", volume, place], check=True)
    try:
        for name, content in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
    finally:
        subprocess.run(["umount", place], check=True)
    disk.write_bytes(bytes(START) + volume.read_bytes())
    volume.unlink()
    place.rmdir()
    return disk


@pytest.fixture(name="disk", scope="module")
def _disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Windows 10, which tests copy and spoil."""
    return ntfs(tmp_path_factory.mktemp("windows") / "disk", WINDOWS)


@pytest.fixture(name="copy")
def _copy(disk: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(disk, tmp_path / "disk"))


def test_windows_of_a_bios(copy: Path) -> None:
    """Vagrant's boxes, mostly."""
    mbr(copy)

    found = system.look(copy)

    assert (found.firmware, found.release, found.build) == ("bios", "Windows 10 Pro", "19045")
    assert found.accounts == (
        LocalAccount(name="Administrator", disabled=True),
        LocalAccount(name="vagrant", disabled=False),
    )
    assert found.drivers == ("vioscsi", "netkvm", "storahci")
    assert (found.buses, found.ssh) == (("virtio", "sata"), "auto")
    assert not found.generalized


def test_windows_of_uefi(copy: Path) -> None:
    """The table of UEFI, with a system partition."""
    gpt(copy, {EFI: 1 << 14, BASIC: START})

    assert system.look(copy).firmware == "uefi"


def test_the_practice_disk(tmp_path: Path) -> None:
    """It stands for Windows and has no NTFS."""
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(START))
    gpt(disk, {EFI: 1 << 14}, "practice-root")

    found = system.look(disk)

    assert (found.release, found.buses, found.logins) == ("practice", ("virtio", "sata"), (("smolvm", "smolvm"),))
    assert (found.ssh, found.generalized) == ("auto", False)

    for state, ssh, generalized in (("bare", "", False), ("generalized", "auto", True), ("installed", "auto", False)):
        with open(disk, "r+b") as file:
            file.seek(64 * 512)
            file.write(f"PRACTICE-{state}".encode() + b"\0")
        found = system.look(disk)
        assert (found.ssh, found.generalized) == (ssh, generalized)


@pytest.mark.parametrize(
    ("hive", "buses", "ssh"),
    [
        (hives.system({"storahci": 0}, ssh=None), ("sata",), ""),
        (hives.system({"storahci": 0, "viostor": 0, "netkvm": 3}, ssh=3), ("sata",), "manual"),
        (hives.system({"storahci": 0, "vioscsi": 0}, "storahci", ssh=4), (), "disabled"),
        (hives.system({"storahci": 3, "vioscsi": 0, "netkvm": 3}), ("virtio",), "auto"),
        (hives.system({"storahci": 0, "vioscsi": 3, "netkvm": 4}), ("sata",), "auto"),
    ],
    ids=["nothing of virtio", "virtio-blk only", "from another controller", "virtio only", "not at boot"],
)
def test_what_it_has_drivers_and_a_server_for(tmp_path: Path, hive: bytes, buses: tuple[str, ...], ssh: str) -> None:
    """It is the registry that counts: files of drivers that are never started may lie about."""
    disk = ntfs(tmp_path / "disk", {**WINDOWS, f"{CONFIG}/SYSTEM": hive})
    mbr(disk)

    found = system.look(disk)

    assert (found.buses, found.ssh) == (buses, ssh)


@pytest.mark.parametrize(
    ("services", "agent"),
    [
        ({"qemu-ga": 2, "virtioserial": 3}, True),
        ({"qemu-ga": 2}, False),
        ({"qemu-ga": 4, "virtioserial": 3}, False),
        ({"virtioserial": 3}, False),
    ],
    ids=["both", "no driver", "disabled", "no agent"],
)
def test_a_guest_agent(tmp_path: Path, services: dict[str, int], agent: bool) -> None:
    """It answers only with the driver of its port."""
    disk = ntfs(tmp_path / "disk", {**WINDOWS, f"{CONFIG}/SYSTEM": hives.system(services, ssh=None)})
    mbr(disk)

    assert system.look(disk).agent == agent


@pytest.mark.parametrize(("start", "winrm"), [(2, True), (3, False), (4, False)], ids=["auto", "manual", "disabled"])
def test_winrm(tmp_path: Path, start: int, winrm: bool) -> None:
    """On clients it is started by hand, unless somebody has set it up."""
    disk = ntfs(tmp_path / "disk", {**WINDOWS, f"{CONFIG}/SYSTEM": hives.system({"winrm": start}, ssh=None)})
    mbr(disk)

    assert system.look(disk).winrm == winrm


def test_generalized(tmp_path: Path) -> None:
    """Microsoft's evaluation VHDs: Sysprep has been there, and accounts come with the first start."""
    state = {
        "Windows/Setup/State/State.ini": "[State]\r\nImageState=IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE\r\n".encode(
            "utf-16"
        )
    }
    people = {"Administrator": (500, True), "Guest": (501, True)}  # both are as Setup leaves them
    cached = {"Windows/Panther/unattend.xml": b"<unattend/>"}
    disk = ntfs(tmp_path / "disk", {**WINDOWS, **state, **cached, f"{CONFIG}/SAM": hives.sam(people)})
    mbr(disk)

    found = system.look(disk)

    assert found.generalized
    assert (found.language, found.server) == ("en-US", False)
    assert found.answers == "Windows/Panther/Unattend.xml"


def test_what_a_first_start_has_to_be_told(tmp_path: Path) -> None:
    """Pages are skipped in a language that the system has; a server asks for another password, too."""
    control = {"MUI": {"UILanguages": {"de-DE": {"LCID": (4, b"\7\4\0\0")}}}}
    keys = {"ControlSet001": {"Control": control}, "Setup": {"UnattendFile": (1, hives.text(r"C:\answers.xml"))}}
    version = {
        "ProductName": (1, hives.text("Windows Server 2022")),
        "InstallationType": (1, hives.text("Server Core")),
    }
    hive = hives.hive({"Microsoft": {"Windows NT": {"CurrentVersion": version}}})
    files = {**WINDOWS, f"{CONFIG}/SYSTEM": hives.hive(keys), f"{CONFIG}/SOFTWARE": hive}
    disk = ntfs(tmp_path / "disk", files)
    mbr(disk)

    found = system.look(disk)

    assert (found.language, found.server, found.answers) == ("de-DE", True, r"C:\answers.xml")
    assert not found.generalized


@pytest.mark.parametrize(
    ("people", "ready", "maker", "logins"),
    [
        ({"smolvm": (1001, False)}, True, "SmolVM", (("smolvm", "smolvm"),)),
        ({"Celesto": (1001, False), "vagrant": (1002, True)}, True, "SmolVM", (("celesto", "celesto"),)),
        ({"vagrant": (1000, False), "me": (1001, False)}, False, "", (("vagrant", "vagrant"),)),
        ({"me": (1001, False)}, False, "", ()),
    ],
)
def test_whose_image_it_is(
    tmp_path: Path,
    people: dict[str, tuple[int, bool]],
    ready: bool,
    maker: str,
    logins: tuple[tuple[str, str], ...],
) -> None:
    """SmolVM's own builder leaves a mark, and its accounts have public passwords, as Vagrant's have."""
    mark = {"smolvm-ready.txt": b"smolvm-win11 unattended install complete"} if ready else {}
    disk = ntfs(tmp_path / "disk", {**WINDOWS, **mark, f"{CONFIG}/SAM": hives.sam(people)})
    mbr(disk)

    found = system.look(disk)

    assert (found.maker, found.logins) == (maker, logins)


def test_nothing_installed(tmp_path: Path, copy: Path) -> None:
    """No partitions; another file system; an NTFS for data."""
    (tmp_path / "empty").write_bytes(bytes(START))
    with pytest.raises(ImageError, match="has no partitions"):
        system.look(tmp_path / "empty")

    mbr(tmp_path / "empty")
    with pytest.raises(ImageError, match="there is no Windows on the disk"):
        system.look(tmp_path / "empty")

    data = ntfs(tmp_path / "data", {"letters/1.txt": b"x"})
    mbr(data)
    with pytest.raises(ImageError, match="there is no Windows on the disk"):
        system.look(data)


def test_bitlocker(copy: Path) -> None:
    """Its key is in a TPM that is not here."""
    mbr(copy)
    with open(copy, "r+b") as file:
        file.seek(START + 3)
        file.write(b"-FVE-FS-")

    with pytest.raises(ImageError, match="encrypted with BitLocker"):
        system.look(copy)


def test_dirty(copy: Path) -> None:
    """It was switched off rather than shut down."""
    mbr(copy)
    content = bytearray(copy.read_bytes())
    at = START + 4096 * struct.unpack_from("<Q", content, START + 48)[0] + 3 * 1024  # the record of the volume
    flags = content.index(b"\x03\x01\x00\x00", at, at + 1024) + 2  # NTFS 3.1, and no flag
    content[flags] |= 1
    copy.write_bytes(content)

    with pytest.raises(ImageError, match="was not shut down cleanly"):
        system.look(copy)


@pytest.mark.parametrize(
    ("content", "asleep"), [(b"HIBR", True), (b"hibr", True), (b"RSTR", True), (b"WAKE", False), (b"", False)]
)
def test_hibernated(tmp_path: Path, content: bytes, asleep: bool) -> None:
    """Fast start hibernates, too, whatever the button says."""
    disk = ntfs(tmp_path / "disk", {**WINDOWS, "hiberfil.sys": content + bytes(5000)})
    mbr(disk)

    if asleep:
        with pytest.raises(ImageError, match="is hibernated"):
            system.look(disk)
    else:
        system.look(disk)


def test_the_only_account_is_disabled(tmp_path: Path) -> None:
    """Nobody could log in; the guest's account is nobody's."""
    people = {"Administrator": (500, True), "Guest": (501, False), "me": (1001, True)}
    disk = ntfs(tmp_path / "disk", {**WINDOWS, f"{CONFIG}/SAM": hives.sam(people)})
    mbr(disk)

    with pytest.raises(ImageError, match=r"every account on the disk is disabled \(Administrator, me\)"):
        system.look(disk)


def test_files_of_a_volume(tmp_path: Path) -> None:
    """Small ones in their record, large ones in pieces, folders of thousands, names in any case."""
    many = {f"Windows/System32/file{number:04d}.dll": str(number).encode() for number in range(1500)}
    large = bytes(range(256)) * 4000
    disk = ntfs(tmp_path / "disk", {**many, "Windows/large": large, "Windows/empty": b""})

    with open(disk, "rb") as file:
        volume = Volume(file, START)
        assert volume.read("windows/LARGE") == large
        assert volume.read("Windows/large", 3) == b"\0\1\2"
        assert volume.read("Windows/empty") == b""
        for number in range(9, 1500, 149):
            assert volume.read(f"Windows/System32/FILE{number:04d}.dll") == str(number).encode()
        assert volume.read("Windows/none") is None
        assert volume.read("Windows/large/none") is None
        assert volume.read("none/none") is None
        with pytest.raises(ImageError, match="there is no NTFS"):
            Volume(file, 0)


@pytest.mark.parametrize("content", [b"", b"regf", b"regf" + bytes(5000), b"x" * 9000])
def test_damaged_hive(content: bytes) -> None:
    """An error of ours, not of Python's."""
    with pytest.raises(ImageError, match="a registry hive of the system is damaged"):
        Hive(content).keys("Microsoft")


def test_hive() -> None:
    """Keys, values, none of either."""
    found = Hive(
        hives.hive({"A": {"b": {"c": (1, hives.text("long enough")), "d": (4, b"\1\0\0\0"), "": (1000, b"")}}})
    )

    assert found.keys("") == ["A"]
    assert found.keys("a\\none") == found.keys("A\\B") == []
    assert found.text("A\\B", "C") == "long enough"
    assert found.value("a\\b", "d") == (4, b"\1\0\0\0")
    assert found.value("a\\b") == (1000, b"")
    assert found.value("a\\b", "none") is found.value("none", "c") is None
