"""The mirror is the one of the host's own apt configuration."""

from pathlib import Path

import pytest

from pytest_smolvm.images.practice.mirror import host_mirror

STANZA = """\
Types: deb
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
SECURITY = "Types: deb\nURIs: http://mirror.example/debian-security\nSuites: bookworm-security\nComponents: main\n"


def apt(tmp_path: Path, **files: str) -> Path:
    """An apt configuration directory that holds `files`; "__" in a name stands for a dot."""
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        directory = tmp_path if name == "sources__list" else tmp_path / "sources.list.d"
        (directory / name.replace("__", ".")).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"debian__sources": STANZA}, "http://mirror.example/debian"),
        ({"debian__sources": SECURITY + "\n" + STANZA}, "http://mirror.example/debian"),
        ({"debian__sources": SECURITY}, None),
        (
            {"debian__sources": "# a comment\n" + STANZA.replace("Suites", "# http://other.example/debian\nSuites")},
            "http://mirror.example/debian",
        ),
        ({"debian__sources": STANZA + "Enabled: no\n"}, None),
        ({"debian__sources": STANZA.replace("deb\n", "deb-src\n")}, None),
        ({"sources__list": "deb http://one.example/debian bookworm main contrib\n"}, "http://one.example/debian"),
        (
            {"sources__list": "deb [arch=amd64 signed-by=/k.gpg] http://one.example/debian bookworm main\n"},
            "http://one.example/debian",
        ),
        ({"sources__list": "# deb http://one.example/debian bookworm main\n"}, None),
        ({"sources__list": "deb http://one.example/debian bookworm contrib\n"}, None),
        (
            {"vendor__list": "deb http://tools.example/apt stable main\n", "debian__sources": STANZA},
            "http://mirror.example/debian",
        ),
    ],
)
def test_takes_only_the_main_archive(tmp_path: Path, files: "dict[str, str]", expected: "str | None") -> None:
    """Security updates, other vendors, sources, comments and disabled entries are not it."""
    assert host_mirror(apt(tmp_path, **files)) == expected
