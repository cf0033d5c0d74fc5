"""The disc that answers Setup's questions: autounattend.xml, drivers and scripts."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath

import pycdlib
from pycdlib.pycdlibexception import PyCdlibException

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.images.windows.media.disc import opened
from pytest_smolvm.images.windows.media.drivers import Drivers

LABEL = "SMOLVM"
ANSWER_FILE = "Autounattend.xml"
_FOLDER = "smolvm"
_JOLIET_MAX = 64  # characters of a name (Joliet specification); Windows reads no longer ones


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What goes on the answer disc."""

    answer_file: str
    drivers: Drivers
    openssh: Path | None
    settings: Mapping[str, object]
    """For the scripts; no secrets."""


def write(contents: Contents, output: Path) -> None:
    """Write the answer disc to `output`, readable by its owner only: the answer file holds a password."""
    files = dict(_files(contents))
    output.touch(mode=0o600)
    with ExitStack() as stack:
        # Windows reads Joliet, not Rock Ridge: without it the answer file would be AUTOUNAT.XML.
        iso = pycdlib.PyCdlib()
        iso.new(interchange_level=1, joliet=3, vol_ident=LABEL)
        stack.callback(iso.close)
        folders: dict[str, str] = {"": ""}
        for number, (name, content) in enumerate(sorted(files.items())):
            plain = f"{_folder(iso, folders, PurePosixPath(name).parent)}/F{number:07d}.;1"
            if isinstance(content, Path):
                iso.add_file(str(content), iso_path=plain, joliet_path=_checked(name))
            else:
                iso.add_fp(
                    stack.enter_context(io.BytesIO(content)), len(content), iso_path=plain, joliet_path=_checked(name)
                )
        try:
            iso.write(str(output))
        except (PyCdlibException, OSError) as exc:
            raise SmolVMError(f"the answer disc {output} could not be written: {exc}") from exc


def scripts() -> Iterator[tuple[str, bytes]]:
    """Our scripts as they go on the disc: name and bytes."""
    for script in sorted(resources.files(__package__).joinpath("scripts").iterdir(), key=lambda entry: entry.name):
        if script.name.endswith((".cmd", ".ps1")):
            yield script.name, _windows_text(script.read_text(encoding="utf-8"), script.name)


def _files(contents: Contents) -> Iterator[tuple[str, bytes | Path]]:
    yield ANSWER_FILE, contents.answer_file.encode("utf-8")
    yield f"{_FOLDER}/settings.json", json.dumps(contents.settings, indent=2).encode("ascii")
    for name, content in scripts():
        yield f"{_FOLDER}/{name}", content
    if contents.openssh is not None:
        yield f"{_FOLDER}/openssh/OpenSSH{contents.openssh.suffix.lower()}", contents.openssh
    yield from _driver_files(contents.drivers)


def _driver_files(drivers: Drivers) -> Iterator[tuple[str, bytes]]:
    # Copied rather than left on their own disc: drive letters vary, and this way one disc is all there is to find.
    with opened(drivers.path) as disc:
        for driver, folder in drivers.folders:
            for name in disc.files(folder):
                if not name.lower().endswith(".pdb"):  # debug symbols, most of the size
                    yield f"{_FOLDER}/drivers/{driver}/{PurePosixPath(name).name}", disc.read(name)
        if drivers.agent is not None:
            yield f"{_FOLDER}/agent/{PurePosixPath(drivers.agent).name}", disc.read(drivers.agent)


def _windows_text(text: str, name: str) -> bytes:
    # cmd.exe loses labels and lines in files without CR; PowerShell 5.1 reads a file without a mark as ANSI.
    mark = b"\xef\xbb\xbf" if name.endswith(".ps1") else b""
    return mark + text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8")


def _folder(iso: pycdlib.PyCdlib, folders: dict[str, str], folder: PurePosixPath) -> str:
    """The ISO 9660 path of a Joliet folder, which is made with its parents if need be."""
    key = "" if str(folder) == "." else str(folder)
    if key not in folders:
        plain = f"{_folder(iso, folders, folder.parent)}/D{len(folders):07d}"
        iso.add_directory(plain, joliet_path=_checked(key))
        folders[key] = plain
    return folders[key]


def _checked(name: str) -> str:
    long = [part for part in PurePosixPath(name).parts if len(part) > _JOLIET_MAX]
    if long:
        raise SmolVMError(f"{long[0]!r} is too long a name for the answer disc: at most {_JOLIET_MAX} characters")
    return f"/{name}"
