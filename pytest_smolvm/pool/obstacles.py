"""Whether this host can clone guests, as far as that was found out. Light: every suite's header asks."""

from __future__ import annotations

from typing import Any

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import clock, proc, records
from pytest_smolvm.host.locks import exclusive
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.hardware import Hardware
from pytest_smolvm.machine.hypervisor import Hypervisor

KEPT_SECONDS = 1800.0
"""How long a refusal is believed: it may have been the moment's, and to find out again takes a boot."""
_RECORD = "no-clones.json"


def known(store: Store, hypervisor: Hypervisor, hardware: Hardware) -> str:
    """Why this host cannot clone machines like this, if that was found out lately; empty otherwise."""
    noted = _refusals(store, hypervisor).get(_kind(hardware), {})
    # The clock begins with the host, as the record does.
    return str(noted["reason"]) if noted and clock.now() < noted["until"] else ""


def record(store: Store, hypervisor: Hypervisor, hardware: Hardware, reason: str) -> None:
    """Note why this host cannot clone machines like this, for a while, or until it has another QEMU."""
    with exclusive(store.lock("no-clones")):
        refusal = {"reason": reason, "until": clock.now() + KEPT_SECONDS}
        refused = {**_refusals(store, hypervisor), _kind(hardware): refusal}
        records.write(store.root / _RECORD, {"host": _this(hypervisor), "refused": refused})


def described(spec: GuestSpec, store: Store, hypervisor: Hypervisor) -> str:
    """The way such guests boot here, with the reason if it is not what is asked for."""
    reason = known(store, hypervisor, spec.hardware) if spec.boot == "clone" else ""
    return f"cold, since they cannot be cloned here: {reason}" if reason else spec.boot


def _refusals(store: Store, hypervisor: Hypervisor) -> dict[str, Any]:
    noted = records.read(store.root / _RECORD) or {}
    refused: dict[str, Any] = noted.get("refused", {}) if noted.get("host") == _this(hypervisor) else {}
    return refused


def _kind(hardware: Hardware) -> str:
    """What of a machine QEMU may refuse: not how much of it there is."""
    firmware = " with a BIOS" if hardware.firmware == "bios" else ""
    return f"{hardware.bus}{' with Secure Boot' if hardware.secure_boot else firmware}"


def _this(hypervisor: Hypervisor) -> list[str]:
    return [proc.boot(), hypervisor.identity]
