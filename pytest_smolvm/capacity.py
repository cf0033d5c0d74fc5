"""Leases: claims of live processes on this host's memory, counted across all runs that share a store."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_smolvm import owner
from pytest_smolvm.errors import CapacityError, TimedOut
from pytest_smolvm.host import memory_mib
from pytest_smolvm.locks import exclusive
from pytest_smolvm.spec import GuestSpec
from pytest_smolvm.store import Store
from pytest_smolvm.waiting import until

# What the host keeps for itself, the tests included.
_RESERVED_MIB = 1024
# QEMU and swtpm beside the guest's RAM: translated code, device models, stacks.
_OVERHEAD_MIB = 128
_SAY_AFTER_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.1
_FOR_EVER = 10.0**9


@dataclass(frozen=True)
class Lease:
    """What one lease claims."""

    guests: int
    memory: int
    """MiB."""
    spare: bool = False
    """Nobody's yet: a real request may take its memory."""
    waiting: bool = False
    """Not granted yet; the claim of a process that waits for it."""
    pid: int = 0
    """QEMU's, for a spare that is ready."""


def weight(spec: GuestSpec) -> int:
    """MiB that a guest is counted with.

    A clone shares its template's pages until it writes them, so half of its RAM is what it is trusted to touch.
    """
    return (spec.memory if spec.boot == "cold" else spec.memory // 2) + _OVERHEAD_MIB


def limit_mib() -> int:
    """MiB that all leases together may claim."""
    return memory_mib()[0] - _RESERVED_MIB


class Capacity:
    """The leases of one store.

    :param max_guests: how many guests may live at once on this host; None leaves it to memory.
    :param say: told once what a request waits for, after five seconds.
    """

    def __init__(self, store: Store, max_guests: int | None = None, say: Callable[[str], object] = str) -> None:
        self._store = store
        self._max_guests = max_guests
        self._say = say

    @contextmanager
    def lease(self, *specs: GuestSpec) -> Iterator[Path]:
        """Hold room for guests of these specs, all of them or none; wait until it is there.

        :raises CapacityError: it can never be there.
        """
        wanted = Lease(len(specs), sum(map(weight, specs)))
        self._check_possible(wanted)
        path = self._store.leases / f"{owner.me()}.{uuid.uuid4().hex[:8]}"
        try:
            if not self._granted(path, wanted):
                self._wait(path, wanted)
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def spare(self, spec: GuestSpec) -> Iterator[Path | None]:
        """A lease for a guest nobody asked for, or None if that would leave no room for one that somebody asks for."""
        path = self._store.leases / f"{owner.me()}.{uuid.uuid4().hex[:8]}"
        with exclusive(self._store.lock("leases")):
            granted = self._fits(self._leases(), Lease(2, 2 * weight(spec))) and not any(lease.waiting for lease in self._leases().values())
            if granted:
                _write(path, Lease(1, weight(spec), spare=True))
        try:
            yield path if granted else None
        finally:
            path.unlink(missing_ok=True)

    def mark(self, path: Path, pid: int) -> None:
        """Note QEMU's process with a spare's lease, so that a real request can end it."""
        with exclusive(self._store.lock("leases")):
            lease = _read(path)
            if lease is not None:
                _write(path, Lease(lease.guests, lease.memory, spare=True, pid=pid))

    def claim(self, path: Path) -> bool:
        """Turn a spare's lease into a real one; False if it was taken away meanwhile."""
        with exclusive(self._store.lock("leases")):
            lease = _read(path)
            if lease is None:
                return False
            _write(path, Lease(lease.guests, lease.memory))
            return True

    def room(self, spec: GuestSpec) -> int:
        """How many guests of this spec fit on the host when nothing else runs; at least 1."""
        fitting = limit_mib() // weight(spec)
        return max(1, fitting if self._max_guests is None else min(fitting, self._max_guests))

    def _check_possible(self, wanted: Lease) -> None:
        if wanted.memory > limit_mib():
            raise CapacityError(
                f"{wanted.guests} guest(s) need {wanted.memory} MiB, but this host has {memory_mib()[0]} MiB and keeps {_RESERVED_MIB} "
                "for itself; lower --smolvm-memory"
            )
        if self._max_guests is not None and wanted.guests > self._max_guests:
            raise CapacityError(f"{wanted.guests} guests at once are asked for, but --smolvm-max-guests is {self._max_guests}")

    def _wait(self, path: Path, wanted: Lease) -> None:
        granted = lambda: self._granted(path, wanted)  # noqa: E731
        try:
            until("room for a guest", granted, timeout=_SAY_AFTER_SECONDS, interval=_LOOK_EVERY_SECONDS)
        except TimedOut:
            self._say(f"waiting for room for {wanted.guests} guest(s) of {wanted.memory} MiB in all; {self._in_use()}")
            until("room for a guest", granted, timeout=_FOR_EVER, interval=_LOOK_EVERY_SECONDS)

    def _granted(self, path: Path, wanted: Lease) -> bool:
        with exclusive(self._store.lock("leases")):
            leases = self._leases()
            leases.pop(path, None)
            while not self._fits(leases, wanted) and self._take_spare(leases):
                pass
            granted = self._fits(leases, wanted)
            if not granted:
                self._check_not_stuck(leases, wanted)
            _write(path, Lease(wanted.guests, wanted.memory, waiting=not granted))
            return granted

    def _fits(self, leases: dict[Path, Lease], wanted: Lease) -> bool:
        held = [lease for lease in leases.values() if not lease.waiting]
        if self._max_guests is not None and sum(lease.guests for lease in held) + wanted.guests > self._max_guests:
            return False
        return sum(lease.memory for lease in held) + wanted.memory <= limit_mib() and wanted.memory <= memory_mib()[1]

    def _take_spare(self, leases: dict[Path, Lease]) -> bool:
        """Spares make room for a real request at once, whoever's they are."""
        for path, lease in leases.items():
            if lease.spare and lease.pid:
                with suppress(ProcessLookupError):
                    os.kill(lease.pid, signal.SIGKILL)
                path.unlink(missing_ok=True)
                del leases[path]
                return True
        return False

    def _check_not_stuck(self, leases: dict[Path, Lease], wanted: Lease) -> None:
        held = {path for path, lease in leases.items() if not lease.waiting}
        waiting = {_owner(path) for path, lease in leases.items() if lease.waiting} | {owner.me()}
        if not held:
            total, available = memory_mib()
            raise CapacityError(
                f"{wanted.guests} guest(s) need {wanted.memory} MiB, but only {available} of this host's {total} MiB are free, "
                "and it is no guest that uses the rest"
            )
        if all(_owner(path) in waiting for path in held):
            raise CapacityError(
                "waiting for room for another guest would never end: everybody who has a guest is waiting for one more. "
                "Ask for all of a test's guests at once (windows_vm_factory(count=...)), or run fewer workers"
            )

    def _leases(self) -> dict[Path, Lease]:
        found = {path: _read(path) for path in self._store.leases.iterdir() if owner.alive(_owner(path))}
        return {path: lease for path, lease in found.items() if lease is not None}

    def _in_use(self) -> str:
        held = [(path, lease) for path, lease in self._leases().items() if not lease.waiting]
        return "; ".join(f"process {_owner(path).partition('-')[0]} has {lease.guests} of {lease.memory} MiB" for path, lease in held)


def _owner(path: Path) -> str:
    return path.name.partition(".")[0]


def _write(path: Path, lease: Lease) -> None:
    path.write_text(json.dumps(asdict(lease)), encoding="utf-8")


def _read(path: Path) -> Lease | None:
    try:
        return Lease(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
