"""What a virtual computer is built of, as far as anybody may choose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """The parts that may be chosen; all of them shape what is frozen in a template."""

    memory: int
    """MiB of RAM."""
    cpus: int
    """Virtual processors."""
    bus: str
    """``virtio`` or ``sata``: see :class:`pytest_smolvm.GuestSpec`."""
    secure_boot: bool
    firmware: str = "uefi"
    """``uefi`` or ``bios``."""
