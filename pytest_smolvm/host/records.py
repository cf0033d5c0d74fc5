"""Notes in JSON, such as the one beside a golden image that says what it was made of."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def beside(image: Path) -> Path:
    """Where the record of an image is."""
    return image.with_name(image.name + ".json")


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a record; the file is there in full or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        aside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def read(path: Path) -> dict[str, Any] | None:
    """A record, None if there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
