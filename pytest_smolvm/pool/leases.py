"""Leases: claims of live processes on this host's memory, counted across all runs that share a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pytest_smolvm.errors import CapacityError, TimedOut
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import owner, proc, records
from pytest_smolvm.host.liveness import owner_of, pid
from pytest_smolvm.host.locks import exclusive
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import until

# What the host keeps for itself, the tests included.
_RESERVED_MIB = 1024
# QEMU and swtpm beside the guest's RAM: translated code, device models, stacks.
_OVERHEAD_MIB = 192
_SAY_AFTER_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.1
_FOR_EVER = 10.0**9


def weight(spec: GuestSpec) -> int:
    """MiB that a guest is counted with.

    A clone shares its template's pages until it writes them, so half of its RAM is what it is trusted to touch.
    """
    return (spec.memory if spec.boot == "cold" else spec.memory // 2) + _OVERHEAD_MIB


def limit_mib() -> int:
    """MiB that all leases together may claim."""
    return proc.memory_mib()[0] - _RESERVED_MIB


@dataclass(frozen=True)
class _Claim:
    """What a lease's file says."""

    memory: int
    """MiB."""
    spare: bool = False
    """Nobody's yet: a real request may take its memory."""
    waiting: bool = False
    """Not granted yet; the claim of a process that waits for it."""
    qemu: str = ""
    """QEMU's process, for a spare that may be ended; see :mod:`pytest_smolvm.host.owner`."""


class Lease:
    """Room for one guest, until it is released."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self.path = path
        """The file by which other processes see it."""

    @property
    def memory(self) -> int:
        """MiB that it claims; 0 once it was released or taken away."""
        claim = _read(self.path)
        return claim.memory if claim else 0

    def release(self) -> None:
        """Give it back. Giving it back twice is fine."""
        self.path.unlink(missing_ok=True)

    def mark(self, pid: int) -> None:
        """Note QEMU's process with a spare's lease, so that a real request can end it.

        :raises OSError: the process does not run.
        """
        qemu = owner.of(pid)
        with exclusive(_lock(self._store)):
            claim = _read(self.path)
            if claim is not None:
                _write(self.path, replace(claim, qemu=qemu))

    def take(self) -> bool:
        """Turn a spare's lease into a real one; False if it was taken away meanwhile.

        :raises OSError: the store cannot be written.
        """
        with exclusive(_lock(self._store)):
            claim = _read(self.path)
            if claim is None:
                return False
            _write(self.path, _Claim(claim.memory))
            return True


class Leases:
    """The leases of one store.

    :param max_guests: how many guests may live at once on this host; None leaves it to memory.
    :param say: told once what a request waits for, after five seconds.
    """

    def __init__(self, store: Store, max_guests: int | None = None, say: Callable[[str], object] = nothing) -> None:
        self._store = store
        self._max_guests = max_guests
        self._say = say

    def claim(self, *specs: GuestSpec) -> list[Lease]:
        """Room for guests of these specs, all of them or none; waits until it is there.

        :raises CapacityError: it can never be there.
        """
        wanted = {self._new(): _Claim(weight(spec)) for spec in specs}
        self._check_possible(list(wanted.values()))
        leases = [Lease(self._store, path) for path in wanted]
        with ExitStack() as failed:
            for lease in leases:
                failed.callback(lease.release)
            if not self._granted(wanted):
                self._wait(wanted)
            failed.pop_all()
        return leases

    def spare(self, spec: GuestSpec) -> Lease | None:
        """Room for a guest nobody asked for, or None if that would leave no room for one that somebody asks for."""
        path, claim = self._new(), _Claim(weight(spec), spare=True)
        with exclusive(_lock(self._store)):
            claims = self._claims()
            if any(other.waiting for other in claims.values()) or not self._fits(claims, 2 * [claim]):
                return None
            _write(path, claim)
        return Lease(self._store, path)

    def room(self, spec: GuestSpec) -> int:
        """How many guests of this spec fit on the host when nothing else runs; at least 1."""
        fitting = limit_mib() // weight(spec)
        return max(1, fitting if self._max_guests is None else min(fitting, self._max_guests))

    def _new(self) -> Path:
        return self._store.leases / self._store.owners.new_name()

    def _check_possible(self, wanted: Sequence[_Claim]) -> None:
        if _memory(wanted) > limit_mib():
            raise CapacityError(
                f"{_described(wanted)} can never fit: this host has {proc.memory_mib()[0]} MiB "
                f"and keeps {_RESERVED_MIB} of them for itself; lower --smolvm-memory"
            )
        if self._max_guests is not None and len(wanted) > self._max_guests:
            raise CapacityError(
                f"{len(wanted)} guests at once are asked for, but --smolvm-max-guests is {self._max_guests}"
            )

    def _wait(self, wanted: dict[Path, _Claim]) -> None:
        def granted() -> bool:
            return self._granted(wanted)

        try:
            until("room for a guest", granted, timeout=_SAY_AFTER_SECONDS, interval=_LOOK_EVERY_SECONDS)
        except TimedOut:
            self._say(f"waiting for room for {_described(list(wanted.values()))}; {self._in_use()}")
            until("room for a guest", granted, timeout=_FOR_EVER, interval=_LOOK_EVERY_SECONDS)

    def _granted(self, wanted: dict[Path, _Claim]) -> bool:
        with exclusive(_lock(self._store)):
            others = {path: claim for path, claim in self._claims().items() if path not in wanted}
            claims = list(wanted.values())
            while not self._fits(others, claims) and _take_spare(others):
                pass
            granted = self._fits(others, claims)
            if not granted:
                _check_not_stuck(others, claims, self._store.owners.me())
            for path, claim in wanted.items():
                _write(path, replace(claim, waiting=not granted))
            return granted

    def _fits(self, others: dict[Path, _Claim], wanted: Sequence[_Claim]) -> bool:
        held = [claim for claim in others.values() if not claim.waiting]
        if self._max_guests is not None and len(held) + len(wanted) > self._max_guests:
            return False
        return _memory(held) + _memory(wanted) <= limit_mib() and _memory(wanted) <= proc.memory_mib()[1]

    def _claims(self) -> dict[Path, _Claim]:
        paths = [path for path in self._store.leases.iterdir() if not records.is_aside(path)]
        found = {path: _read(path) for path in paths if self._counts(path)}
        return {path: claim for path, claim in found.items() if claim is not None}

    def _counts(self, path: Path) -> bool:
        owner = owner_of(path)
        owners = self._store.owners
        return owner is not None and owners.here(owner) and owners.alive(owner)

    def _in_use(self) -> str:
        held = [(path, claim) for path, claim in self._claims().items() if not claim.waiting]
        return "; ".join(f"process {pid(path.name)} has one of {claim.memory} MiB" for path, claim in held)


def _take_spare(others: dict[Path, _Claim]) -> bool:
    """Spares make room for a real request at once, whoever's they are."""
    for path, claim in others.items():
        if claim.spare and claim.qemu and owner.here(claim.qemu):  # others cannot be ended from here
            owner.kill(claim.qemu)
            path.unlink(missing_ok=True)
            del others[path]
            return True
    return False


def _check_not_stuck(others: dict[Path, _Claim], wanted: Sequence[_Claim], me: str) -> None:
    held = {path for path, claim in others.items() if not claim.waiting}
    if any(others[path].spare for path in held):
        return  # one in the making: it makes room as soon as its QEMU runs
    waiting = {owner_of(path) for path, claim in others.items() if claim.waiting} | {me}
    if not held:
        total, available = proc.memory_mib()
        raise CapacityError(
            f"{_described(wanted)} cannot start: only {available} of this host's {total} MiB are free, "
            "and no guest uses the rest"
        )
    if all(owner_of(path) in waiting for path in held):
        raise CapacityError(
            "deadlock: every process that holds a guest is waiting for another one. "
            "Ask for all of a test's guests at once (windows_vm_factory(count=...)), or run fewer workers"
        )


def _lock(store: Store) -> Path:
    return store.lock("leases")


def _memory(claims: Sequence[_Claim]) -> int:
    return sum(claim.memory for claim in claims)


def _described(claims: Sequence[_Claim]) -> str:
    return f"{len(claims)} guest{'s' if len(claims) > 1 else ''} of {_memory(claims)} MiB"


def _write(path: Path, claim: _Claim) -> None:
    records.write(path, asdict(claim))


def _read(path: Path) -> _Claim | None:
    try:
        return _Claim(**(records.read(path) or {}))
    except TypeError:
        return None  # given back meanwhile, or not by this version
