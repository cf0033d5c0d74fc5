"""Records: JSON files that are there whole or not at all, such as the one beside a golden image."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ASIDE = ".new"


def beside(image: Path) -> Path:
    """Where the record of an image is."""
    return image.with_name(image.name + ".json")


def write(path: Path, content: Mapping[str, Any], *, mode: int = 0o644, durable: bool = False) -> None:
    """Write a record; the file is there in full or not at all.

    :param mode: who may read it; the umask takes bits away, as ever.
    :param durable: it is on the disk before this returns, so that a power cut cannot take it away.
    :raises OSError: it could not be written; what was there before stays.
    """
    # What is named after its owner, as leases are, is still so meanwhile: what a killed process leaves is recognised.
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}{_ASIDE}")
    try:
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as out:
            out.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
            if durable:
                out.flush()
                os.fsync(out.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def flush(path: Path) -> None:
    """Have what is in a file on the medium before this returns, so that a power cut cannot take it away."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def read(path: Path) -> dict[str, Any] | None:
    """A record, None if there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def is_aside(path: Path) -> bool:
    """Whether a file is a record that is being written, or was when its writer was killed."""
    return path.suffix == _ASIDE
