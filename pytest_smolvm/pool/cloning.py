"""Whether this host can clone guests, as far as that was found out."""

from __future__ import annotations

from pytest_smolvm.host import owner, records
from pytest_smolvm.host.locks import exclusive
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.hypervisor import Host

_NOTE = "no-clones.json"


def why_not(store: Store, host: Host) -> str:
    """Why this host cannot clone, if that was found out since it was started; empty otherwise."""
    known = records.read(store.root / _NOTE) or {}
    return str(known.get("reason", "")) if known.get("host") == _this(host) else ""


def remember(store: Store, host: Host, reason: str) -> None:
    """Note why this host cannot clone, until it is started again or has another QEMU."""
    with exclusive(store.lock("no-clones")):
        records.write(store.root / _NOTE, {"host": _this(host), "reason": reason})


def boots_by(boot: str, store: Store, host: Host) -> str:
    """How guests that are to come by `boot` do come; if it is another way, with the reason."""
    reason = why_not(store, host) if boot == "clone" else ""
    return f"cold, since they cannot be cloned here: {reason}" if reason else boot


def _this(host: Host) -> list[str]:
    return [owner.boot(), host.identity]
