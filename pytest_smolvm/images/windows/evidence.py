"""What explains why an image could not be made, kept beside where it would have been."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

_TELLING = (".log", ".png")


def fresh(path: Path) -> Path:
    """A new directory in the place of whatever was there."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    return path


def keep(found: Iterable[Path], place: Path) -> None:
    """Move logs and pictures into the directory `place`, each under its directory's name and its own.

    It takes no room, of which there may be none.

    :param found: files; others among them stay.
    :raises OSError: the directory cannot be made.
    """
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for path in found:
        if path.suffix in _TELLING:
            path.replace(place / f"{path.parent.name}-{path.name}")
