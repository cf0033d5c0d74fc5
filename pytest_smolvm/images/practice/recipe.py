"""What a practice image is made from, and the digest that names it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.desktop import source as desktop

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sources"
HOST = HERE / "powershell_host"
MEMORY = 1024
"""MiB of RAM that a guest on the image needs: it is small, and small guests are fast ones."""
_NOT_SOURCES = frozenset({"bin", "obj", "__pycache__"})


@dataclass(frozen=True)
class PracticeRecipe:
    """What may be chosen about a practice image.

    :param powershell: an official PowerShell archive for win-x64 (zip or tar.gz), used instead of the host built here.
    :param mirror: the Debian mirror's URL; None takes it from the host's apt configuration or leaves it to mmdebstrap.
    :param suite: Debian's suite. Wine, the kernel and OpenSSH must be those that the guest's parts were written for.
    """

    powershell: Path | None = None
    mirror: str | None = None
    suite: str = "trixie"


def key(recipe: PracticeRecipe) -> str:
    """A digest of what shapes the image `recipe` gives. The mirror does not: they all carry the same packages.

    :raises UsageError: the PowerShell archive is not there.
    """
    return digest([recipe.suite, *identity(recipe)], [HERE])


def identity(recipe: PracticeRecipe) -> list[str]:
    """What tells one PowerShell from another: an archive without reading all of it, our own host by what it brings."""
    if recipe.powershell is None:
        return list(libraries())
    try:
        stat = recipe.powershell.stat()
    except OSError as exc:
        raise UsageError(f"the PowerShell archive {recipe.powershell} cannot be read: {exc.strerror}") from exc
    return [os.fspath(recipe.powershell.resolve()), str(stat.st_size), str(stat.st_mtime_ns)]


def libraries() -> dict[str, str]:
    """What a guest else compiles at the first use: the sources, by the names of what is made of them."""
    return {powershell.library_name(each): each for each in (powershell.library(), desktop.text())}


def digest(words: Iterable[str], sources: Iterable[Path]) -> str:
    """A digest of `words` and of the files `sources`; a directory stands for all sources below it."""
    state = hashlib.sha256()
    for word in words:
        state.update(word.encode() + b"\0")
    for source in sources:
        for path in sorted(_files(source)):
            state.update(
                path.relative_to(HERE).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest()
            )
    return state.hexdigest()[:32]


def _files(source: Path) -> Iterable[Path]:
    if source.is_file():
        yield source
        return
    for directory, names, files in os.walk(source):
        names[:] = [name for name in names if name not in _NOT_SOURCES]
        yield from (Path(directory, file) for file in files)
