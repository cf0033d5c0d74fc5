"""UEFI firmware, found through QEMU's own descriptor files rather than a table of paths."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import HostError


@dataclass(frozen=True, kw_only=True)
class Firmware:
    """One pair of flash images."""

    code: Path
    """The firmware itself, read-only."""
    code_format: str
    variables: Path
    """The template of the variable store, copied for each guest."""
    variables_format: str
    smm: bool
    """It wants system management mode (Secure Boot builds do)."""

    @property
    def identity(self) -> str:
        """Changes when the files do."""
        return " ".join(
            f"{path}:{path.stat().st_size}:{path.stat().st_mtime_ns}" for path in (self.code, self.variables)
        )


def find(*, secure_boot: bool = False, directories: Sequence[Path] | None = None) -> Firmware:
    """The first UEFI firmware for q35 that QEMU's descriptors offer (qemu's docs/interop/firmware.json).

    :param secure_boot: with Secure Boot and Microsoft's keys enrolled, or else without either.
    :raises HostError: there is none; the message says where was looked and why each was passed over.
    """
    passed_over = []
    directories = _directories() if directories is None else directories
    for path in _descriptors(directories):
        try:
            described = json.loads(path.read_text(encoding="utf-8"))
            reason = _unfit(described, secure_boot)
            if reason is None:
                return _firmware(described)
        except (OSError, ValueError, KeyError, TypeError) as exc:
            reason = f"unreadable: {exc!r}"
        passed_over.append(f"{path.name}: {reason}")
    kind = "with Secure Boot" if secure_boot else "without Secure Boot"
    looked = ", ".join(map(str, directories))
    raise HostError(
        f"no UEFI firmware {kind} for QEMU; on Debian or Ubuntu: apt-get install ovmf (looked in {looked})"
        + "".join(f"\n  {line}" for line in passed_over)
    )


def _directories() -> list[Path]:
    # The order of precedence is the descriptor specification's: user, local administrator, distribution.
    shared = [Path("/etc/qemu/firmware"), Path("/usr/share/qemu/firmware")]
    with suppress(RuntimeError):  # a user id that no passwd entry is about has no home
        config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        return [config / "qemu/firmware", *shared]
    return shared


def _descriptors(directories: Sequence[Path]) -> Iterator[Path]:
    named: dict[str, Path] = {}
    for directory in reversed(directories):
        named |= {path.name: path for path in directory.glob("*.json")}
    for name in sorted(named):
        if named[name].stat().st_size:  # an empty file masks a less important one of its name
            yield named[name]


def _unfit(described: dict[str, Any], secure_boot: bool) -> str | None:
    if "uefi" not in described["interface-types"] or described["mapping"]["device"] != "flash":
        return "not UEFI in flash"
    machines = [
        name for target in described["targets"] if target["architecture"] == "x86_64" for name in target["machines"]
    ]
    if not any(fnmatch("pc-q35-7.2", name) for name in machines):
        return "not for x86_64 q35"
    features = set(described["features"])
    if secure_boot != ("enrolled-keys" in features):
        return "Secure Boot keys enrolled" if "enrolled-keys" in features else "no Secure Boot keys enrolled"
    if not secure_boot and "requires-smm" in features:
        return "needs SMM only for Secure Boot"
    return None


def _firmware(described: dict[str, Any]) -> Firmware:
    mapping = described["mapping"]
    code, variables = mapping["executable"], mapping["nvram-template"]
    for part in (code, variables):
        os.stat(part["filename"])
    return Firmware(
        code=Path(code["filename"]),
        code_format=code["format"],
        variables=Path(variables["filename"]),
        variables_format=variables["format"],
        smm="requires-smm" in described["features"],
    )
