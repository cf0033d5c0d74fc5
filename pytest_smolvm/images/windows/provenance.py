"""What is noted beside a golden image: what it was made of."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_smolvm.images.windows.media import editions
from pytest_smolvm.images.windows.media.drivers import Drivers
from pytest_smolvm.images.windows.media.wim import Edition
from pytest_smolvm.images.windows.media.windows_disc import WindowsDisc
from pytest_smolvm.images.windows.recipe import Recipe

VERSION = 1
_CHUNK = 1 << 20


def compose(recipe: Recipe, disc: WindowsDisc, edition: Edition, drivers: Drivers) -> dict[str, Any]:
    """What is known before the installation starts."""
    release, _ = editions.release(edition)
    account = {"user": recipe.user}
    if recipe.default_password:
        account["password"] = recipe.password  # the public default; any other stays with who chose it
    return {
        "version": VERSION,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
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
        "virtio": {
            "name": drivers.path.name,
            "version": drivers.version,
            "drivers": [name for name, _ in drivers.folders],
        },
        "recipe": {
            "computer_name": recipe.computer_name,
            "locale": recipe.locale or edition.language,
            "timezone": recipe.timezone,
            "disk_gib": recipe.disk_size,
            "desktop": recipe.desktop,
            "uac": recipe.uac,
            "bypass_checks": recipe.bypass_checks,
            "openssh": recipe.openssh.name if recipe.openssh else None,
            "extra_scripts": [script.name for script in recipe.extra_scripts],
            "bake_app": recipe.bake_app.name if recipe.bake_app else None,
        },
    }


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
