"""The image somebody has and wants to bring along, in frozen words."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.spec import DEFAULT_CPUS
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.secret import masks_secrets
from pytest_smolvm.images.windows.recipe import PACKAGES

_LEAST_MEMORY = 256


@masks_secrets
@dataclass(frozen=True, kw_only=True)
class Wish:
    """Everything that `bring` needs to know. Checked when created; the disk is looked at later."""

    source: Path
    """A disk (qcow2, raw, VHD, VHDX, VMDK, VDI), an OVA, or Vagrant's .box; it is only read."""
    output: Path
    """The golden image to make."""
    user: str | None = None
    """The local administrator that tests log in as; None takes one whose password is public. A first start makes it."""
    password: str | None = field(default=None, repr=False)
    """Its password; None takes the public one."""
    openssh: Path | None = None
    """OpenSSH-Win64.zip or .msi, for a system without an SSH server; None lets Windows download its own."""
    virtio_iso: Path | None = None
    """virtio-win's disc, whose drivers the first start of a generalized system installs; None installs none."""
    bus: str | None = None
    """``virtio`` or ``sata``; None finds out."""
    firmware: str | None = None
    """``uefi`` or ``bios``; None finds out."""
    memory: int | None = None
    """MiB of RAM for the image's guests; None takes what guests have if nobody says anything."""
    cpus: int = DEFAULT_CPUS
    """Virtual processors while it is tried."""
    timeout: float = stretched(900.0)
    """Seconds from power-on to a login over SSH."""
    stall: float = stretched(1200.0)
    """Seconds without a sign of life after which a first start counts as stuck."""
    force: bool = False
    """Replace an existing output."""

    def __post_init__(self) -> None:
        for name in ("source", "output", "openssh", "virtio_iso"):
            path = getattr(self, name)
            object.__setattr__(self, name, None if path is None else Path(path).expanduser().absolute())
        if not self.source.exists():
            raise UsageError(f"there is no {self.source}")
        if self.output.exists() and self.output.samefile(self.source):
            raise UsageError(f"{self.output} is what is to be brought; choose another --output, for it is only read")
        if self.user == "":
            raise UsageError("--user must be the name of an account on the disk")
        if self.password is not None and self.user is None:
            raise UsageError("whose password is it? Give --user, too")
        if self.memory is not None and self.memory < _LEAST_MEMORY:
            raise UsageError(f"memory={self.memory} is too little: give at least {_LEAST_MEMORY} MiB")
        if not self.timeout > 0 or not self.stall > 0:
            raise UsageError("timeout and stall must be more than 0 seconds")
        self._check_package()
        if self.virtio_iso is not None and not self.virtio_iso.is_file():
            raise UsageError(f"{self.virtio_iso} is not a file")

    def _check_package(self) -> None:
        if self.openssh is None:
            return
        if self.openssh.suffix.lower() not in PACKAGES:
            raise UsageError(f"OpenSSH package {self.openssh} is neither .zip nor .msi")
        if not self.openssh.is_file():
            raise UsageError(f"{self.openssh} is not a file")
