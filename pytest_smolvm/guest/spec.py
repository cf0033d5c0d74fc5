"""What is wanted of a guest. One want is one field here: options, marker and help are made from its metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_smolvm.errors import UsageError
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.secret import masked_but, masks_secrets

if TYPE_CHECKING:
    from pytest_smolvm.guest.layer import Layer
    from pytest_smolvm.machine.hardware import Hardware
    from pytest_smolvm.machine.network import Network
# What a guest needs, and the plugin does not, is imported where it is used: pytest imports this file at every start.

DEFAULT_MEMORY = 4096
DEFAULT_CPUS = 2
DEFAULT_BOOT_TIMEOUT = stretched(300.0)
PUBLIC = (("smolvm", "smolvm"), ("celesto", "celesto"))
"""User and password on images that SmolVM's own builder has made: the account that it makes if nobody says otherwise,
which is ours, too, and the one of its documentation."""
MARKER = "marker"
"""A test may want it: a keyword of the marker ``windows_vm``, of ``windows_vm_factory`` and in ``windows_vm_spec``."""
OPTION = "option"
"""A run may want it: an option, ini key and environment variable."""
SECRET = "secret"
"""A run may want it by ini key and environment variable; a command line is seen by other users of the host."""


def _want(text: str, *where: str, unit: str = "", choices: tuple[str, ...] = ()) -> dict[str, Any]:
    """A field's metadata.

    :param text: what it is, for every help text.
    :param where: `MARKER`, `OPTION` or `SECRET`: who may want it besides the caller of `SmolVM`.
    :param unit: what a number counts.
    :param choices: the only values there are.
    """
    return {"help": text, "where": where, "unit": unit, "choices": choices}


@masks_secrets
@dataclass(frozen=True, kw_only=True)
class GuestSpec:
    """A guest as somebody wants it. Immutable: derive another with :meth:`having`."""

    image: Path = field(metadata=_want("the golden image, a qcow2 file; never written"))
    ssh_user: str = field(default="smolvm", metadata=_want("account in the guest, a local administrator", OPTION))
    ssh_password: str = field(default="smolvm", repr=False, metadata=_want("its password", SECRET))
    env_vars: Mapping[str, str] = field(
        default_factory=dict,
        repr=False,
        metadata=_want("variables for the per-user environment store, written once the guest is up", MARKER),
    )
    memory: int = field(
        default=DEFAULT_MEMORY,
        metadata=_want("MiB of RAM; an image may have a default of its own", MARKER, OPTION, unit="MiB"),
    )
    cpus: int = field(default=DEFAULT_CPUS, metadata=_want("virtual processors", MARKER, OPTION, unit="processors"))
    boot: str = field(
        default="clone",
        metadata=_want(
            "'clone' restores a template baked once per host, 'cold' boots from firmware",
            MARKER,
            OPTION,
            choices=("clone", "cold"),
        ),
    )
    boot_timeout: float = field(
        default=DEFAULT_BOOT_TIMEOUT,
        metadata=_want("seconds from power-on to a login over SSH", MARKER, OPTION, unit="seconds"),
    )
    bus: str = field(
        default="virtio",
        metadata=_want(
            "'virtio' for images with virtio drivers, 'sata' for devices whose drivers Windows brings along",
            MARKER,
            choices=("virtio", "sata"),
        ),
    )
    secure_boot: bool = field(
        default=False, metadata=_want("boot with Secure Boot on and Microsoft's keys enrolled", MARKER)
    )
    firmware: str = field(
        default="uefi",
        metadata=_want(
            "'uefi', or 'bios' for images that were installed on a computer with a BIOS",
            MARKER,
            choices=("uefi", "bios"),
        ),
    )
    desktop: bool = field(
        default=False,
        metadata=_want("have the template ready for vm.desktop, which else is compiled in each guest", MARKER),
    )
    network: str | Sequence[str] = field(
        default="open",
        metadata=_want(
            "what a guest may reach: 'open' (the internet, not this host, its local network and other guests), 'host' "
            "(all this host reaches), 'off', or rules: example.com:443, *.example.com:443, 10.1.0.0/16:8080",
            MARKER,
            OPTION,
        ),
    )

    layer: Layer | None = field(
        default=None,
        metadata=_want("what was put on top of the image: a function decorated with windows_layer", MARKER),
    )

    def __post_init__(self) -> None:
        from pytest_smolvm.guest.names import check_environment

        check_environment(self.env_vars)
        object.__setattr__(self, "env_vars", MappingProxyType(dict(self.env_vars)))
        _check_whole("memory", self.memory, 256, "MiB")
        _check_whole("cpus", self.cpus, 1, "processors")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"{name}={getattr(self, name)!r} is not one of {', '.join(choices)}")
        object.__setattr__(self, "network", self.reach.wanted)
        if self.layer is not None:
            from pytest_smolvm.guest.layer import Layer

            if not isinstance(self.layer, Layer):
                raise UsageError(f"layer={self.layer!r} is none: decorate the function with @windows_layer()")
        if self.secure_boot and self.firmware == "bios":
            raise UsageError("secure_boot=True takes firmware='uefi': a BIOS has no Secure Boot")
        if not self.boot_timeout > 0:
            raise UsageError(f"boot_timeout={self.boot_timeout!r} must be more than 0 seconds")
        if not self.ssh_user or any(ord(c) < 32 for c in self.ssh_user):
            raise UsageError("ssh_user must be the name of an account in the guest")

    @property
    def reach(self) -> Network:
        """What the guest may reach, as rules."""
        from pytest_smolvm.machine.network import network

        return network(self.network)

    @property
    def hardware(self) -> Hardware:
        """The computer that is wanted."""
        from pytest_smolvm.machine.hardware import Hardware

        return Hardware(
            memory=self.memory,
            cpus=self.cpus,
            bus=self.bus,
            secure_boot=self.secure_boot,
            firmware=self.firmware,
        )

    def having(self, **changes: Any) -> GuestSpec:
        """The same wants with some of them changed.

        :raises UsageError: a name is none of ours, or a value makes no sense.
        """
        changes = hidden(changes)
        unknown = sorted(set(changes) - set(self.__dataclass_fields__))
        if unknown:
            raise unknown_keyword(unknown[0], self.__dataclass_fields__)
        return replace(self, **changes)


_SHOWN = {want.name for want in fields(GuestSpec) if want.repr}
CHOICES = {want.name: want.metadata["choices"] for want in fields(GuestSpec) if want.metadata["choices"]}
"""The only values of those wants that have some."""


def hidden(wants: Mapping[str, Any]) -> dict[str, Any]:
    """The same wants, of which no repr shows what may be a secret; one that is no want of ours may be."""
    return masked_but(_SHOWN, wants)


def unknown_keyword(name: str, known: Iterable[str]) -> UsageError:
    """The error for a want that is none."""
    return UsageError(f"unknown keyword {name!r}; use one of {', '.join(sorted(known))}")


def _check_whole(name: str, value: object, least: int, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name}={value!r} must be a whole number of {unit}, at least {least}")
