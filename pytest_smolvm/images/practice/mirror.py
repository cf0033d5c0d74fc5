"""Which Debian mirror to install from: the one that the host itself uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

APT = Path("/etc/apt")
_MAIN_ARCHIVE = re.compile(r"/debian/?$")
_ONE_LINE = re.compile(r"^\s*deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+\S+\s+.*\bmain\b")


def host_mirror(apt: Path = APT) -> str | None:
    """The URI of Debian's main archive in the host's apt configuration; None on other distributions."""
    for uri in _uris(apt):
        if _MAIN_ARCHIVE.search(uri):
            return uri.rstrip("/")
    return None


def _uris(apt: Path) -> Iterator[str]:
    parts = apt / "sources.list.d"
    for path in (apt / "sources.list", *sorted(parts.glob("*.list"))):
        yield from _one_line_uris(_read(path))
    for path in sorted(parts.glob("*.sources")):
        yield from _deb822_uris(_read(path))


def _one_line_uris(text: str) -> Iterator[str]:
    for line in text.splitlines():
        match = _ONE_LINE.match(line)
        if match:
            yield match["uri"]


def _deb822_uris(text: str) -> Iterator[str]:
    """The URIs of every enabled stanza of binary packages that carries "main"."""
    for stanza in re.split(r"\n\s*\n", "\n".join(line for line in text.splitlines() if not line.startswith("#"))):
        fields = {
            name.lower(): value
            for name, value in re.findall(r"^([\w-]+):((?:.*\n?)(?:[ \t]+.*\n?)*)", stanza, re.MULTILINE)
        }
        enabled = fields.get("enabled", "yes").strip().lower() != "no"
        if enabled and "deb" in fields.get("types", "").split() and "main" in fields.get("components", "").split():
            yield from fields.get("uris", "").split()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
