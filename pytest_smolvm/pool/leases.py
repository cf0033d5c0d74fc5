"""Leases: claims of live processes on this host's memory, counted across all runs that share a store."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pytest_smolvm.errors import CapacityError, TimedOut
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import owner
from pytest_smolvm.host.locks import exclusive
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import until
from pytest_smolvm.machine.hypervisor import memory_mib

# What the host keeps for itself, the tests included.
_RESERVED_MIB = 1024
# QEMU and swtpm beside the guest's RAM: translated code, device models, stacks.
_OVERHEAD_MIB = 192
_SAY_AFTER_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.1
_FOR_EVER = 10.0**9
_ASIDE = ".new"


@dataclass(frozen=True)
class Lease:
    """What one lease claims."""

    memory: int
    """MiB."""
    spare: bool = False
    """Nobody's yet: a real request may take its memory."""
    waiting: bool = False
    """Not granted yet; the claim of a process that waits for it."""
    qemu: str = ""
    """QEMU's process, for a spare that may be ended; see :mod:`pytest_smolvm.host.owner`."""


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

    def lease(self, *specs: GuestSpec) -> list[Path]:
        """Claim room for guests of these specs, all of them or none; wait until it is there.

        :returns: a lease for each, to be given to :meth:`release`.
        :raises CapacityError: it can never be there.
        """
        wanted = {self._new(): Lease(weight(spec)) for spec in specs}
        self._check_possible(list(wanted.values()))
        try:
            if not self._granted(wanted):
                self._wait(wanted)
        except BaseException:
            for path in wanted:
                self.release(path)
            raise
        return list(wanted)

    def release(self, path: Path) -> None:
        """Give a lease back. Giving it back twice is fine."""
        path.unlink(missing_ok=True)

    @contextmanager
    def spare(self, spec: GuestSpec) -> Iterator[Path | None]:
        """A lease for a guest nobody asked for, or None if that would leave no room for one that somebody asks for."""
        path = self._new()
        with exclusive(self._store.lock("leases")):
            leases = self._leases()
            granted = self._fits(leases, 2 * [Lease(weight(spec))]) and not any(
                lease.waiting for lease in leases.values()
            )
            if granted:
                _write(path, Lease(weight(spec), spare=True))
        try:
            yield path if granted else None
        except BaseException:
            self.release(path)
            raise

    def mark(self, path: Path, pid: int) -> None:
        """Note QEMU's process with a spare's lease, so that a real request can end it.

        :raises OSError: the process does not run.
        """
        qemu = owner.of(pid)
        with exclusive(self._store.lock("leases")):
            lease = _read(path)
            if lease is not None:
                _write(path, replace(lease, qemu=qemu))

    def claim(self, path: Path) -> bool:
        """Turn a spare's lease into a real one; False if it was taken away meanwhile."""
        with exclusive(self._store.lock("leases")):
            lease = _read(path)
            if lease is None:
                return False
            _write(path, Lease(lease.memory))
            return True

    def room(self, spec: GuestSpec) -> int:
        """How many guests of this spec fit on the host when nothing else runs; at least 1."""
        fitting = limit_mib() // weight(spec)
        return max(1, fitting if self._max_guests is None else min(fitting, self._max_guests))

    def _new(self) -> Path:
        return self._store.leases / f"{owner.me()}.{uuid.uuid4().hex[:8]}"

    def _check_possible(self, wanted: list[Lease]) -> None:
        if _memory(wanted) > limit_mib():
            raise CapacityError(
                f"{_described(wanted)} can never fit: this host has {memory_mib()[0]} MiB and keeps {_RESERVED_MIB} of them "
                "for itself; lower --smolvm-memory"
            )
        if self._max_guests is not None and len(wanted) > self._max_guests:
            raise CapacityError(
                f"{len(wanted)} guests at once are asked for, but --smolvm-max-guests is {self._max_guests}"
            )

    def _wait(self, wanted: dict[Path, Lease]) -> None:
        granted = lambda: self._granted(wanted)  # noqa: E731
        try:
            until("room for a guest", granted, timeout=_SAY_AFTER_SECONDS, interval=_LOOK_EVERY_SECONDS)
        except TimedOut:
            self._say(f"waiting for room for {_described(list(wanted.values()))}; {self._in_use()}")
            until("room for a guest", granted, timeout=_FOR_EVER, interval=_LOOK_EVERY_SECONDS)

    def _granted(self, wanted: dict[Path, Lease]) -> bool:
        with exclusive(self._store.lock("leases")):
            leases = {path: lease for path, lease in self._leases().items() if path not in wanted}
            claims = list(wanted.values())
            while not self._fits(leases, claims) and self._take_spare(leases):
                pass
            granted = self._fits(leases, claims)
            if not granted:
                self._check_not_stuck(leases, claims)
            for path, lease in wanted.items():
                _write(path, replace(lease, waiting=not granted))
            return granted

    def _fits(self, leases: dict[Path, Lease], wanted: list[Lease]) -> bool:
        held = [lease for lease in leases.values() if not lease.waiting]
        if self._max_guests is not None and len(held) + len(wanted) > self._max_guests:
            return False
        return _memory(held) + _memory(wanted) <= limit_mib() and _memory(wanted) <= memory_mib()[1]

    def _take_spare(self, leases: dict[Path, Lease]) -> bool:
        """Spares make room for a real request at once, whoever's they are."""
        for path, lease in leases.items():
            if lease.spare and lease.qemu:
                owner.kill(lease.qemu)
                self.release(path)
                del leases[path]
                return True
        return False

    def _check_not_stuck(self, leases: dict[Path, Lease], wanted: list[Lease]) -> None:
        held = {path for path, lease in leases.items() if not lease.waiting}
        if any(leases[path].spare for path in held):
            return  # one in the making: it makes room as soon as its QEMU runs
        waiting = {_owner(path) for path, lease in leases.items() if lease.waiting} | {owner.me()}
        if not held:
            total, available = memory_mib()
            raise CapacityError(
                f"{_described(wanted)} cannot start: only {available} of this host's {total} MiB are free, and no guest uses the rest"
            )
        if all(_owner(path) in waiting for path in held):
            raise CapacityError(
                "waiting for room for another guest would never end: everybody who has a guest is waiting for one more. "
                "Ask for all of a test's guests at once (windows_vm_factory(count=...)), or run fewer workers"
            )

    def _leases(self) -> dict[Path, Lease]:
        found = {
            path: _read(path)
            for path in self._store.leases.iterdir()
            if path.suffix != _ASIDE and owner.alive(_owner(path))
        }
        return {path: lease for path, lease in found.items() if lease is not None}

    def _in_use(self) -> str:
        held = [(path, lease) for path, lease in self._leases().items() if not lease.waiting]
        return "; ".join(
            f"process {_owner(path).partition('-')[0]} has one of {lease.memory} MiB" for path, lease in held
        )


def _memory(leases: list[Lease]) -> int:
    return sum(lease.memory for lease in leases)


def _described(leases: list[Lease]) -> str:
    return f"{len(leases)} guest{'s' if len(leases) > 1 else ''} of {_memory(leases)} MiB"


def _owner(path: Path) -> str:
    return path.name.partition(".")[0]


def _write(path: Path, lease: Lease) -> None:
    # Some read without the lock, and a full disk must not leave half a lease: to others that would be none.
    aside = path.with_name(path.name + _ASIDE)
    try:
        aside.write_text(json.dumps(asdict(lease)), encoding="utf-8")
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _read(path: Path) -> Lease | None:
    try:
        return Lease(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # given back meanwhile, or not by this version
