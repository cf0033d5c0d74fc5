"""What is wanted of a guest, in frozen words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.names import check_environment
from pytest_smolvm.machine.hardware import Hardware

DEFAULT_MEMORY = 4096
DEFAULT_CPUS = 2
DEFAULT_BOOT_TIMEOUT = 300.0
_BUSES = ("virtio", "sata")
_BOOTS = ("clone", "cold")


@dataclass(frozen=True, kw_only=True)
class GuestSpec:
    """A guest as somebody wants it. Immutable: derive another with :meth:`having`."""

    image: Path
    """The golden image, a qcow2 file; never written."""
    ssh_user: str = "smolvm"
    """The account in the guest, a local administrator."""
    ssh_password: str = field(default="smolvm", repr=False)
    """Its password."""
    env_vars: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables for the per-user environment store, written once the guest is up."""
    memory: int = DEFAULT_MEMORY
    """MiB of RAM."""
    cpus: int = DEFAULT_CPUS
    """Virtual processors."""
    boot: str = "clone"
    """``clone``: restored from a template; ``cold``: booted from firmware."""
    boot_timeout: float = DEFAULT_BOOT_TIMEOUT
    """Seconds from power-on to a login over SSH."""
    bus: str = "virtio"
    """``virtio``: disk and network by virtio drivers; ``sata``: devices Windows has drivers for in the box."""
    secure_boot: bool = False
    """Boot with Secure Boot on and Microsoft's keys enrolled."""

    def __post_init__(self) -> None:
        check_environment(self.env_vars)
        object.__setattr__(self, "env_vars", MappingProxyType(dict(self.env_vars)))
        _check_whole("memory", self.memory, 256, "MiB")
        _check_whole("cpus", self.cpus, 1, "processors")
        if self.boot not in _BOOTS:
            raise UsageError(f"boot={self.boot!r} is not one of {', '.join(_BOOTS)}")
        if self.bus not in _BUSES:
            raise UsageError(f"bus={self.bus!r} is not one of {', '.join(_BUSES)}")
        if not self.boot_timeout > 0:
            raise UsageError(f"boot_timeout={self.boot_timeout!r} must be more than 0 seconds")
        if not self.ssh_user or any(ord(c) < 32 for c in self.ssh_user):
            raise UsageError("ssh_user must be the name of an account in the guest")

    @property
    def hardware(self) -> Hardware:
        """The computer that is wanted."""
        return Hardware(memory=self.memory, cpus=self.cpus, bus=self.bus, secure_boot=self.secure_boot)

    def having(self, **changes: Any) -> GuestSpec:
        """The same wants with some of them changed.

        :raises UsageError: a name is none of ours, or a value makes no sense.
        """
        unknown = sorted(set(changes) - set(self.__dataclass_fields__))
        if unknown:
            raise UsageError(
                f"unknown: {', '.join(unknown)}; possible are {', '.join(sorted(self.__dataclass_fields__))}"
            )
        return replace(self, **changes)


def _check_whole(name: str, value: object, least: int, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name}={value!r} must be a whole number of {unit}, at least {least}")
