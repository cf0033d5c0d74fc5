"""Where guests are made."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_smolvm.host.progress import Progress
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.pool.failures import Failures
from pytest_smolvm.pool.remains import GuestUser


@dataclass(frozen=True)
class Site:
    """What making any guest takes."""

    store: Store
    hypervisor: Hypervisor
    progress: Progress
    """Told what takes long."""
    failures: Failures = field(default_factory=Failures)
    run: str = ""
    """Names the test run that this process is a part of, as one of several workers; empty if it is alone."""
    user: GuestUser | None = None
    """That worker. It is noted beside each guest, for who looks for the logs of a killed one."""
