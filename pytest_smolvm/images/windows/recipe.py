"""The golden image somebody wants, in frozen words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from pytest_smolvm.errors import UsageError
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.secret import masks_secrets
from pytest_smolvm.images.windows import accounts

DEFAULT_USER = "smolvm"
DEFAULT_PASSWORD = "smolvm"  # public on purpose: guests are disposable and reachable from this host only
LOCALE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?-(?:[A-Z]{2}|[0-9]{3})")
_TIMEZONE = re.compile(r"[A-Z][A-Za-z0-9 .()+-]{1,127}")
_SCRIPTS = (".ps1", ".cmd", ".bat")
PACKAGES = (".zip", ".msi")
"""Kinds of files that an SSH server for Windows comes in."""
UAC = ("default", "silent", "off")
# Windows 11's published minimum; Setup of Windows 10 and Server would take less but is not worth the trouble.
_LEAST_DISK = 32
_LEAST_MEMORY = 2048
_LEAST_CPUS = 1


@masks_secrets
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything `build` needs to know. Checked when created; the media are looked at later."""

    iso: Path
    """The Windows installation ISO."""
    virtio_iso: Path
    """The virtio-win driver ISO."""
    output: Path
    """The golden image to make."""
    edition: str | None = None
    """Name, edition id or index of the edition; None picks Pro, Enterprise or Standard with desktop."""
    locale: str | None = None
    """Language of formats and menus, e.g. ``en-US``; None takes the ISO's."""
    timezone: str = "UTC"
    """Windows' name of the time zone, e.g. ``W. Europe Standard Time``."""
    product_key: str | None = field(default=None, repr=False)
    """None uses Microsoft's public setup key for the edition, and no key on evaluation media."""
    user: str = DEFAULT_USER
    """The local administrator that tests log in as."""
    password: str = field(default=DEFAULT_PASSWORD, repr=False)
    """Its password."""
    computer_name: str = "SMOLVM-WIN"
    """The guest's name."""
    disk_size: int = 64
    """GiB of the system disk; the file grows only as far as it is used."""
    memory: int = 4096
    """MiB of RAM during the build."""
    cpus: int = 2
    """Virtual processors during the build."""
    openssh: Path | None = None
    """OpenSSH-Win64.zip or .msi; None takes what Windows has or downloads its optional feature."""
    extra_scripts: tuple[Path, ...] = ()
    """``.ps1``, ``.cmd`` or ``.bat`` files run in the finished system, in this order."""
    bake_app: Path | None = None
    """A directory copied to ``C:\\ProgramData\\smolvm\\app``; its install.ps1 or install.cmd is run."""
    timeout: float = stretched(3 * 3600.0)
    """Seconds for the whole build."""
    stall: float = stretched(1200.0)
    """Seconds without any disk write or marker after which the installation counts as stuck."""
    secure_boot: bool = True
    """Install with Secure Boot on and Microsoft's keys enrolled."""
    bypass_checks: bool = False
    """Tell Setup not to look for TPM, Secure Boot, memory and size of the disk."""
    desktop: bool = False
    """Log the user in at every start, for tests of windows, and keep everything else off the screen; otherwise at the
    first start only."""
    uac: str = "default"
    """``default``: Windows asks an administrator for consent; ``silent``: it does not; ``off``: User Account Control
    is off, so that every program runs elevated."""
    keep_failed: bool = False
    """Keep the working directory of a failed build."""
    force: bool = False
    """Replace an existing output."""

    def __post_init__(self) -> None:
        for name in ("iso", "virtio_iso", "output"):
            object.__setattr__(self, name, Path(getattr(self, name)))
        accounts.check_computer(self.computer_name)
        accounts.check_user(self.user, self.computer_name)
        accounts.check_password(self.password)
        if self.product_key is not None:
            accounts.check_key(self.product_key)
        self._check_words()
        self._check_sizes()
        self._check_files()

    @property
    def default_password(self) -> bool:
        """Whether the password is the public default, which may be written down."""
        return self.password == DEFAULT_PASSWORD

    def _check_words(self) -> None:
        if self.locale is not None and not LOCALE.fullmatch(self.locale):
            raise UsageError(f"locale {self.locale!r} is not of the form en-US")
        if not _TIMEZONE.fullmatch(self.timezone):
            raise UsageError(
                f"time zone {self.timezone!r} is not one of Windows' names,"
                " such as 'UTC' or 'W. Europe Standard Time' (tzutil /l)"
            )

        if self.uac not in UAC:
            raise UsageError(f"uac={self.uac!r} is none of {', '.join(UAC)}")

    def _check_sizes(self) -> None:
        for name, least, unit in (
            ("disk_size", _LEAST_DISK, "GiB"),
            ("memory", _LEAST_MEMORY, "MiB"),
            ("cpus", _LEAST_CPUS, ""),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UsageError(f"{name}={value!r} must be a whole number of at least {least} {unit}".rstrip())
        if not self.timeout > 0 or not self.stall > 0:
            raise UsageError("timeout and stall must be more than 0 seconds")

    def _check_files(self) -> None:
        if self.openssh is not None and self.openssh.suffix.lower() not in PACKAGES:
            raise UsageError(f"OpenSSH package {self.openssh} is neither .zip nor .msi")
        for script in self.extra_scripts:
            if script.suffix.lower() not in _SCRIPTS:
                raise UsageError(f"extra script {script} is none of {', '.join(_SCRIPTS)}")
        for path in filter(None, (self.openssh, *self.extra_scripts)):
            if not path.is_file():
                raise UsageError(f"{path} is not a file")
        if self.bake_app is not None and not any(
            (self.bake_app / name).is_file() for name in ("install.ps1", "install.cmd")
        ):
            raise UsageError(f"{self.bake_app} has neither install.ps1 nor install.cmd, so nothing in it would be run")
