"""Whether this host can clone guests, as far as that was found out. Light: every suite's header asks."""

from __future__ import annotations

from pytest_smolvm.host import proc, records
from pytest_smolvm.host.locks import exclusive
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.hypervisor import Hypervisor

_RECORD = "no-clones.json"


def known(store: Store, hypervisor: Hypervisor) -> str:
    """Why this host cannot clone, if that was found out since it was started; empty otherwise."""
    noted = records.read(store.root / _RECORD) or {}
    return str(noted.get("reason", "")) if noted.get("host") == _this(hypervisor) else ""


def record(store: Store, hypervisor: Hypervisor, reason: str) -> None:
    """Note why this host cannot clone, until it is started again or has another QEMU."""
    with exclusive(store.lock("no-clones")):
        records.write(store.root / _RECORD, {"host": _this(hypervisor), "reason": reason})


def described(boot: str, store: Store, hypervisor: Hypervisor) -> str:
    """The way guests boot here, with the reason if it is not `boot`."""
    reason = known(store, hypervisor) if boot == "clone" else ""
    return f"cold, since they cannot be cloned here: {reason}" if reason else boot


def _this(hypervisor: Hypervisor) -> list[str]:
    return [proc.boot(), hypervisor.identity]
