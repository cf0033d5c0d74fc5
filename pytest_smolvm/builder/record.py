"""The note beside a golden image: what it was made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pytest_smolvm.builder import editions
from pytest_smolvm.builder.drivers import Drivers
from pytest_smolvm.builder.iso import WindowsDisc
from pytest_smolvm.builder.recipe import Recipe
from pytest_smolvm.builder.wim import Edition

VERSION = 1
_CHUNK = 1 << 20


def beside(image: Path) -> Path:
    """Where the record of an image is."""
    return image.with_name(image.name + ".json")


def compose(recipe: Recipe, disc: WindowsDisc, edition: Edition, drivers: Drivers) -> dict[str, Any]:
    """What is known before the installation starts."""
    release, _ = editions.release(edition)
    account = {"user": recipe.user}
    if recipe.default_password:
        account["password"] = recipe.password  # the public default; any other stays with who chose it
    return {
        "version": VERSION,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "system": {
            "release": release,
            "edition": edition.name,
            "edition_id": edition.edition_id,
            "build": edition.build,
            "language": edition.language,
            "evaluation": editions.is_evaluation(edition),
        },
        "account": account,
        "secure_boot": recipe.secure_boot,
        "iso": {"name": recipe.iso.name, "label": disc.label, "sha256": digest(recipe.iso)},
        "virtio": {"name": drivers.path.name, "version": drivers.version, "drivers": [name for name, _ in drivers.folders]},
        "recipe": {
            "computer_name": recipe.computer_name,
            "locale": recipe.locale or edition.language,
            "timezone": recipe.timezone,
            "disk_gib": recipe.disk_size,
            "desktop": recipe.desktop,
            "bypass_checks": recipe.bypass_checks,
            "openssh": recipe.openssh.name if recipe.openssh else None,
            "extra_scripts": [script.name for script in recipe.extra_scripts],
            "bake_app": recipe.bake_app.name if recipe.bake_app else None,
        },
    }


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a record; the file is there in full or not at all."""
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    aside.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """A record, None if there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
