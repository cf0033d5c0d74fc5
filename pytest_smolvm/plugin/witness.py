"""What a guest leaves to look at: a picture of its screen, what was run in it, its logs, and what it was."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.host.patience import stretched

if TYPE_CHECKING:
    from pytest_smolvm.guest.spec import GuestSpec
    from pytest_smolvm.vm import SmolVM

PICTURE = "screen.png"
_PICTURE_SECONDS = stretched(5.0)
_LOG_BYTES = 4 << 20
"""Of each log; of more than that the last so many."""
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|credential", re.IGNORECASE)
_SHORTEST_SECRET = 4
"""What is shorter is found in many texts that have nothing to do with it."""


def take(vm: SmolVM, place: Path, *, picture: bool) -> list[str]:
    """Write what there is to know of a guest into an existing directory.

    :param picture: with a picture of its screen.
    :returns: what could not be had, and why; an item for each.
    """
    missing: list[str] = []

    def attempt(what: str, write: Callable[[Path], object]) -> None:
        try:
            write(place / what)
        except (SmolVMError, OSError) as exc:
            missing.append(f"{what}: {str(exc).partition(chr(10))[0]}")

    if picture:
        attempt(PICTURE, lambda path: vm.screen.save(path, timeout=_PICTURE_SECONDS))
    attempt("runs.txt", lambda path: _write(path, masked(str(vm.history), vm.spec)))
    attempt("guest.json", lambda path: _write(path, json.dumps(_facts(vm.spec), indent=2)))
    attempt("logs", lambda path: _copy_logs(vm, path.parent))
    return missing


def masked(text: str, spec: GuestSpec) -> str:
    """A text without the guest's password, and without values of variables whose names speak of secrets."""
    secrets = [value for name, value in spec.env_vars.items() if _SECRET_NAME.search(name)]
    if spec.ssh_password != spec.ssh_user:  # else it is public, and half of all paths
        secrets.append(str(spec.ssh_password))
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text


def _facts(spec: GuestSpec) -> dict[str, Any]:
    shown = {field.name: getattr(spec, field.name) for field in fields(spec) if field.repr}
    layer = spec.layer.name if spec.layer else None
    told = {name: os.fspath(value) if isinstance(value, Path) else value for name, value in shown.items()}
    return {**told, "layer": layer}


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def _copy_logs(vm: SmolVM, directory: Path) -> None:
    for log in vm.logs:
        with open(log, "rb") as source:
            source.seek(max(0, os.fstat(source.fileno()).st_size - _LOG_BYTES))
            content = source.read(_LOG_BYTES)
        if content:
            (directory / log.name).write_bytes(content)
