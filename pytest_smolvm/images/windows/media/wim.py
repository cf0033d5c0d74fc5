"""What a .wim or .esd file says about itself: its header and the XML at its end, read without any tool.

Layout after "Windows Imaging File Format (WIM)", Microsoft 2007: a header of 208 bytes with five resource entries, each
7 bytes of stored size, 1 byte of flags, 8 bytes of offset, 8 bytes of original size. The XML resource is never
compressed; it is UTF-16 with a byte-order mark, also in .esd files.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from xml.etree import ElementTree

from pytest_smolvm.errors import ImageError

MAGIC = b"MSWIM\0\0\0"
HEADER_SIZE = 208
_XML_ENTRY = 72  # after magic, sizes, version, flags, GUID, parts, image count and the offset table's entry
_XML_MAX = 16 << 20
_ARCHITECTURES = {"0": "x86", "5": "arm", "6": "ia64", "9": "amd64", "12": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Edition:
    """One image in a .wim file."""

    index: int
    name: str
    """As Setup lists it: ``Windows 11 Pro``."""
    wim_name: str
    """The image's own name, which answer files give: ``Windows Server 2022 SERVERSTANDARD``."""
    edition_id: str
    """``Professional``, ``EnterpriseEval``, ``ServerStandard`` ..."""
    installation: str
    """``Client``, ``Server`` or ``Server Core``."""
    architecture: str
    """``amd64``, ``arm64``, ``x86``; "" if the file does not say."""
    build: int
    """26100 ..."""
    language: str
    """The default language, ``en-US``."""
    size: int
    """Bytes once unpacked."""


def editions(stream: BinaryIO, length: int, name: str) -> tuple[Edition, ...]:
    """The images of Windows listed in a .wim or .esd file of `length` bytes; others, such as Setup's own, are left out.

    :param name: the file's name, for errors.
    :raises ImageError: it is no such file, is cut off, or its list cannot be read.
    """
    root = _parse(_xml(stream, length, name), name)
    return tuple(_edition(element, name) for element in root.iter("IMAGE") if element.find("WINDOWS") is not None)


def _xml(stream: BinaryIO, length: int, name: str) -> bytes:
    stream.seek(0)
    header = stream.read(HEADER_SIZE)
    if len(header) < HEADER_SIZE or not header.startswith(MAGIC):
        raise ImageError(f"{name} does not begin like a Windows image file (MSWIM)")
    size, offset = _resource(header, _XML_ENTRY)
    if not 0 < size <= _XML_MAX or offset + size > length:
        raise ImageError(f"{name} is cut off: its list of editions should be at byte {offset}, the file has {length}")
    stream.seek(offset)
    xml = stream.read(size)
    if len(xml) < size:
        raise ImageError(f"{name} is cut off: its list of editions ends after {len(xml)} of {size} bytes")
    return xml


def _resource(header: bytes, at: int) -> tuple[int, int]:
    packed, offset = struct.unpack_from("<QQ", header, at)
    return packed & 0x00FF_FFFF_FFFF_FFFF, offset


def _parse(xml: bytes, name: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(xml.decode("utf-16"))
    except (UnicodeDecodeError, ElementTree.ParseError) as exc:
        raise ImageError(f"the list of editions in {name} cannot be read: {exc}") from exc


def _edition(image: ElementTree.Element, name: str) -> Edition:
    words = dict(_words(image))
    try:
        return Edition(
            index=int(image.get("INDEX", "0")),
            name=words.get("DISPLAYNAME", "") or words.get("NAME", "") or words.get("WINDOWS/EDITIONID", ""),
            wim_name=words.get("NAME", ""),
            edition_id=words.get("WINDOWS/EDITIONID", ""),
            installation=words.get("WINDOWS/INSTALLATIONTYPE", "Client"),
            architecture=_ARCHITECTURES.get(words.get("WINDOWS/ARCH", ""), ""),
            build=int(words.get("WINDOWS/VERSION/BUILD", "0")),
            language=_language(
                words.get("WINDOWS/LANGUAGES/DEFAULT", "") or words.get("WINDOWS/LANGUAGES/LANGUAGE", "")
            ),
            size=int(words.get("TOTALBYTES", "0")),
        )
    except ValueError as exc:
        raise ImageError(f"the list of editions in {name} has a number that is none: {exc}") from exc


def _language(name: str) -> str:
    """``en-us`` as ``en-US``, ``zh-hans-cn`` as ``zh-Hans-CN``: images made by hand have any case, Windows has one."""
    first, *others = name.split("-")
    return "-".join([first.lower(), *(part.title() if len(part) == 4 else part.upper() for part in others)])


def _words(element: ElementTree.Element, above: str = "") -> Iterator[tuple[str, str]]:
    for child in element:
        path = above + child.tag
        if child.text and child.text.strip():
            yield path, child.text.strip()
        yield from _words(child, path + "/")
