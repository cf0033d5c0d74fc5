"""Discs for the tests, made with the structures of the real ones and none of their content."""

from __future__ import annotations

import io
import struct
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pycdlib

ARCHITECTURES = {"x86": 0, "amd64": 9, "arm64": 12}


def edition_xml(
    index: int,
    name: str = "Windows 11 Pro",
    edition_id: str = "Professional",
    *,
    build: int = 26100,
    architecture: str = "amd64",
    installation: str = "Client",
    language: str = "en-US",
    size: int = 17_000_000_000,
    wim_name: str = "",
) -> str:
    """One <IMAGE> as DISM writes it.

    :param wim_name: its own name, where that is not the one that Setup lists.
    """
    return (
        f'<IMAGE INDEX="{index}"><DIRCOUNT>3</DIRCOUNT><FILECOUNT>9</FILECOUNT><TOTALBYTES>{size}</TOTALBYTES>'
        f"<WINDOWS><ARCH>{ARCHITECTURES[architecture]}</ARCH><PRODUCTNAME>Microsoft® Windows® Operating System</PRODUCTNAME>"
        f"<EDITIONID>{edition_id}</EDITIONID><INSTALLATIONTYPE>{installation}</INSTALLATIONTYPE>"
        f"<LANGUAGES><LANGUAGE>{language}</LANGUAGE><DEFAULT>{language}</DEFAULT></LANGUAGES>"
        f"<VERSION><MAJOR>10</MAJOR><MINOR>0</MINOR><BUILD>{build}</BUILD><SPBUILD>1</SPBUILD></VERSION></WINDOWS>"
        f"<NAME>{wim_name or name}</NAME><DESCRIPTION>{name}</DESCRIPTION><DISPLAYNAME>{name}</DISPLAYNAME></IMAGE>"
    )


def wim(editions: Sequence[str], payload: bytes = b"\0" * 4096) -> bytes:
    """A .wim file: header, something where the files would be, and the list of editions."""
    xml = f"<WIM><TOTALBYTES>{208 + len(payload)}</TOTALBYTES>{''.join(editions)}</WIM>".encode("utf-16")
    return wim_header(len(payload), len(xml), len(editions)) + payload + xml


def wim_header(payload: int, xml: int, images: int) -> bytes:
    """The 208 bytes before `payload` bytes of files and `xml` bytes of list."""
    head = struct.pack("<8sIIII16sHHI", b"MSWIM\0\0\0", 208, 0x00010D00, 0x00020082, 32768, b"\x11" * 16, 1, 1, images)
    table = struct.pack("<QQQ", 2 << 56, 208, 0)
    listed = struct.pack("<QQQ", (2 << 56) | xml, 208 + payload, xml)
    return (head + table + listed).ljust(208, b"\0")


def signed_program(*authorities: str) -> bytes:
    """A UEFI program's headers and its table of certificates, of which only the names are real."""
    certificates = b"".join(b"\x30\x82" + name.encode() + b"\0" for name in authorities)
    program = bytearray(512)
    program[:2] = b"MZ"
    struct.pack_into("<I", program, 0x3C, 128)
    program[128:132] = b"PE\0\0"
    struct.pack_into("<H", program, 128 + 24, 0x20B)
    struct.pack_into("<II", program, 128 + 24 + 112 + 32, len(program), len(certificates))
    return bytes(program) + certificates


def windows_iso(
    path: Path,
    editions: Sequence[str] = (),
    *,
    image: str = "install.wim",
    loader: str = "bootx64.efi",
    program: bytes = b"MZ",
) -> Path:
    """A disc like Microsoft's: the files are in UDF, ISO 9660 has one README only.

    :param program: the content of its boot loader.
    """
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, udf="2.60", vol_ident="CCCOMA_X64FRE_EN-US_DV9")
    readme = b"This disc contains a UDF file system.\r\n"
    iso.add_fp(io.BytesIO(readme), len(readme), iso_path="/README.TXT;1")
    for folder in ("/sources", "/efi", "/efi/boot"):
        iso.add_directory(udf_path=folder)
    listed = wim(editions or (edition_xml(1),))
    for name, content in {
        f"/sources/{image}": listed,
        "/sources/boot.wim": wim(()),
        f"/efi/boot/{loader}": program,
    }.items():
        iso.add_fp(io.BytesIO(content), len(content), udf_path=name)
    iso.write(str(path))
    iso.close()
    return path


def joliet_iso(path: Path, files: Mapping[str, bytes], label: str) -> Path:
    """A disc with Joliet names."""
    iso = pycdlib.PyCdlib()
    iso.new(joliet=3, vol_ident=label[:16])
    folders: dict[str, str] = {"": ""}
    for number, (name, content) in enumerate(files.items()):
        parts = name.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder not in folders:
                folders[folder] = f"{folders['/'.join(parts[: depth - 1])]}/D{len(folders):07d}"
                iso.add_directory(folders[folder], joliet_path=f"/{folder}")
        plain = f"{folders['/'.join(parts[:-1])]}/F{number:07d}.;1"
        iso.add_fp(io.BytesIO(content), len(content), iso_path=plain, joliet_path=f"/{name}")
    iso.write(str(path))
    iso.close()
    with open(path, "r+b") as file:  # Joliet's label has 16 characters at most, ISO 9660's 32
        file.seek(16 * 2048 + 40)
        file.write(label.encode("ascii").ljust(32))
    return path


def remastered_iso(path: Path, directory: Path, payload: int) -> Path:
    """A disc as people remaster them, with genisoimage's ISO 9660 and UDF side by side.

    ISO 9660's length of an install.wim that does not fit into 32 bits is cut to them. So is this one's, to 20 bits: the
    disc need not have gigabytes.

    :param directory: an empty one, for the disc's files.
    :param payload: bytes of install.wim before its list of editions.
    """
    for name, content in {
        "sources/install.wim": wim((edition_xml(1),), bytes(payload)),
        "efi/boot/bootx64.efi": b"MZ",
    }.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    subprocess.run(["genisoimage", "-quiet", "-udf", "-iso-level", "3", "-o", path, directory], check=True)
    content = bytearray(path.read_bytes())
    record = content.index(b"INSTALL.WIM") - 33  # ECMA-119 9.1: the name is at byte 33, the length twice at byte 10
    short = struct.unpack_from("<I", content, record + 10)[0] % 2**20
    struct.pack_into("<I", content, record + 10, short)
    struct.pack_into(">I", content, record + 14, short)
    path.write_bytes(content)
    return path


def piecewise_iso(path: Path, pieces: int) -> Path:
    """A disc with Joliet whose install.wim has several records each with a piece of it, as files of more than 4 GiB do."""
    content = wim((edition_xml(1),), bytes(64 * 2048))
    size = -(-len(content) // pieces // 2048) * 2048
    names = [f"sources/install.wi{letter}" for letter in "mnopq"[:pieces]]
    files = {name: content[number * size : (number + 1) * size] for number, name in enumerate(names)}
    joliet_iso(path, {"efi/boot/bootx64.efi": b"MZ", **files}, "pieces")
    disc = bytearray(path.read_bytes())
    for number, name in enumerate(names):
        for spelt in (f"F{number + 1:07d}.;1".encode(), name[8:].encode("utf-16-be")):
            at = disc.index(spelt)
            if number < pieces - 1:
                disc[at - 33 + 25] |= 0x80  # "not the final directory record"
            first = b"F0000001.;1" if spelt.startswith(b"F") else "install.wim".encode("utf-16-be")
            disc[at : at + len(first)] = first
    path.write_bytes(disc)
    return path


def virtio_iso(
    path: Path,
    releases: Sequence[str] = ("w10", "w11", "2k22", "2k25"),
    *,
    label: str = "virtio-win-0.1.271",
    agent: bool = True,
) -> Path:
    """A disc like virtio-win's."""
    files = {"virtio-win_license.txt": b"licence"}
    for driver in ("vioscsi", "NetKVM", "viostor", "vioserial"):
        for release in releases:
            for suffix in (".inf", ".sys", ".cat", ".pdb"):
                files[f"{driver}/{release}/amd64/{driver.lower()}{suffix}"] = (
                    b"[Version]\r\nDriverVer = 10/01/2024,100.96.104.27100\r\n"
                )
    if agent:
        files["guest-agent/qemu-ga-x86_64.msi"] = b"msi"
    return joliet_iso(path, files, label)


def openssh_package(directory: Path, script: str) -> Path:
    """A package like Win32-OpenSSH's, with `script` as its install-sshd.ps1."""
    with zipfile.ZipFile(directory / "OpenSSH-Win64.zip", "w") as package:
        package.writestr("OpenSSH-Win64/install-sshd.ps1", script)
    return directory / "OpenSSH-Win64.zip"
