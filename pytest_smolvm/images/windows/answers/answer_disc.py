"""The disc that answers Setup's questions: the answer file, drivers and scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path, PurePosixPath

from pytest_smolvm.images.windows.media import disc
from pytest_smolvm.images.windows.media.drivers import Drivers

LABEL = "SMOLVM"
# "Implicit answer file search order" (Microsoft Learn): at the root of a removable read-only disc, by Windows PE under
# the first name only, and in the passes after it under either.
ANSWER_FILE, FIRST_START_FILE = "Autounattend.xml", "Unattend.xml"
_FOLDER = "smolvm"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What goes on the answer disc."""

    answer_file: str | None = field(repr=False)
    """None: nobody asks anything, and only the scripts are wanted."""
    drivers: Drivers | None
    """None: the system has its own."""
    openssh: Path | None
    first_start: bool = False
    """Whether the system is there already, and the answers are for its first start."""
    settings: Mapping[str, object]
    """For the scripts; no secrets."""


def write(contents: Contents, output: Path) -> None:
    """Write the answer disc to `output`, readable by its owner only: the answer file holds a password."""
    disc.write(dict(_files(contents)), LABEL, output)


def scripts() -> Iterator[tuple[str, bytes]]:
    """Our scripts as they go on the disc: name and bytes."""
    for script in sorted(resources.files(__package__).joinpath("scripts").iterdir(), key=lambda entry: entry.name):
        if script.name.endswith((".cmd", ".ps1")):
            yield script.name, _windows_text(script.read_text(encoding="utf-8"), script.name)


def _files(contents: Contents) -> Iterator[tuple[str, bytes | Path]]:
    if contents.answer_file is not None:
        name = FIRST_START_FILE if contents.first_start else ANSWER_FILE
        yield name, contents.answer_file.encode("utf-8")
    yield f"{_FOLDER}/settings.json", json.dumps(contents.settings, indent=2).encode("ascii")
    for name, content in scripts():
        yield f"{_FOLDER}/{name}", content
    if contents.openssh is not None:
        yield f"{_FOLDER}/openssh/OpenSSH{contents.openssh.suffix.lower()}", contents.openssh
    if contents.drivers is not None:
        yield from driver_files(contents.drivers)


def driver_files(drivers: Drivers) -> Iterator[tuple[str, bytes]]:
    """The drivers and the agent as they go on the disc: name and bytes."""
    # Copied rather than left on their own disc: drive letters vary, and this way one disc is all there is to find.
    with disc.opened(drivers.path) as source:
        for driver, folder in drivers.folders:
            for name in source.files(folder):
                if not name.lower().endswith(".pdb"):  # debug symbols, most of the size
                    yield f"{_FOLDER}/drivers/{driver}/{PurePosixPath(name).name}", source.read(name)
        if drivers.agent is not None:
            yield f"{_FOLDER}/agent/{PurePosixPath(drivers.agent).name}", source.read(drivers.agent)


def _windows_text(text: str, name: str) -> bytes:
    # cmd.exe loses labels and lines in files without CR; PowerShell 5.1 reads a file without a mark as ANSI.
    mark = b"\xef\xbb\xbf" if name.endswith(".ps1") else b""
    return mark + text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8")
