"""Leases: room for guests on this host, shared by all runs that use a store; who has asked first is served first."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

from pytest_smolvm.errors import CapacityError, TimedOut
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import limits, owner
from pytest_smolvm.host.liveness import pid
from pytest_smolvm.host.locks import exclusive
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import Deadline, until
from pytest_smolvm.pool import claims
from pytest_smolvm.pool.claims import HELD, SPARE, WAITING, Claim, Claims, Standing

# What the host keeps for itself, the tests included.
_RESERVED_MIB = 1024
# QEMU and swtpm beside the guest's RAM: translated code, device models, stacks.
_OVERHEAD_MIB = 192
_SAY_AFTER_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.1
# For memory that no guest has: a compiler gives it back, a database does not.
_PATIENCE_SECONDS = 60.0
_END_SECONDS = 5.0
_FOR_EVER = 10.0**9


def weight(spec: GuestSpec) -> int:
    """MiB that a guest is counted with.

    A clone shares its template's pages until it writes them, so half of its RAM is what it is trusted to touch.
    """
    return (spec.memory if spec.boot == "cold" else spec.memory // 2) + _OVERHEAD_MIB


def limit_mib(store: Store) -> int:
    """MiB that all leases together may claim: what a store in RAM holds is taken."""
    return limits.memory_mib()[0] - limits.in_ram_mib(store.root) - _RESERVED_MIB


class Lease:
    """Room for one guest, until it is released."""

    def __init__(self, table: Claims, claim: Claim) -> None:
        self._table = table
        self._claim = claim
        self._home = os.getpid()
        self.id = claim.id
        """Names it, in whichever process."""
        self.memory = claim.memory
        """MiB that it claims."""

    def release(self) -> None:
        """Give it back. Giving it back twice is fine; what was taken away, or is a parent's, is not given back."""
        if os.getpid() == self._home:
            self._table.remove([self._claim])

    def mark(self, child: int) -> None:
        """Note QEMU's process with it: so that what it has touched is not counted twice, and that a spare can be ended.

        :raises OSError: the process does not run, or the store cannot be written.
        """
        marked = replace(self._claim, qemu=owner.of(child))
        with exclusive(self._table.lock, told=False), suppress(FileNotFoundError):  # it was taken away
            self._claim = self._table.put(marked, before=self._claim)


class Leases:
    """The leases of one store.

    :param max_guests: how many guests may live at once; None leaves it to memory.
    :param say: told once what a request waits for, after five seconds.
    :param patience: seconds to wait for memory that no guest has.
    """

    def __init__(
        self,
        store: Store,
        max_guests: int | None = None,
        say: Callable[[str], object] = nothing,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._store = store
        self._table = Claims(store)
        self._max_guests = max_guests
        self._say = say
        self._patience = patience

    def claim(self, *specs: GuestSpec) -> list[Lease]:
        """Room for guests of these specs, all or none; waits until it is there and nobody has waited for longer.

        :raises CapacityError: it can never be there.
        """
        wanted = [self._table.new(WAITING, weight(spec)) for spec in specs]
        with ExitStack() as failed:
            request = _Request(self._table, wanted, self._fits, self._check_possible, self._patience)
            failed.callback(request.withdraw)
            if not request.granted():
                self._wait(request)
            failed.pop_all()
        return [Lease(self._table, claim) for claim in wanted]

    def spare(self, spec: GuestSpec) -> Lease | None:
        """Room for a guest nobody asked for, or None if that would leave no room for one that somebody asks for."""
        claim = self._table.new(SPARE, weight(spec))
        with exclusive(self._table.lock, told=False):
            others = self._table.standing()
            if others.waiting or not self._fits(others, 2 * [claim]):
                return None
            return Lease(self._table, self._table.put(claim))

    def take_over(self, spare: str) -> Lease | None:
        """Turn a spare's lease, of whichever process, into a real one of the calling thread's.

        :param spare: the lease's id.
        :returns: None if it was taken away.
        :raises OSError: the store cannot be written.
        """
        with exclusive(self._table.lock, told=False):
            claim = self._table.find(spare)
            if claim is None:
                return None
            ours = replace(self._table.new(HELD, claim.memory), qemu=claim.qemu)
            return Lease(self._table, self._table.put(ours, before=claim))

    def wanted(self) -> bool:
        """Whether somebody waits for room."""
        return bool(self._table.standing().waiting)

    def room(self, spec: GuestSpec) -> int:
        """How many guests of this spec fit on the host when nothing else runs; at least 1."""
        fitting = limit_mib(self._store) // weight(spec)
        return max(1, fitting if self._max_guests is None else min(fitting, self._max_guests))

    def _check_possible(self, wanted: Sequence[Claim]) -> None:
        total, _ = limits.memory_mib()
        if _memory(wanted) > total - _RESERVED_MIB:
            raise CapacityError(
                f"{_described(wanted)} can never fit: this host has {total} MiB and keeps {_RESERVED_MIB} of them "
                "for itself; lower --smolvm-memory"
            )
        if self._max_guests is not None and len(wanted) > self._max_guests:
            raise CapacityError(
                f"{len(wanted)} guests at once are asked for, but --smolvm-max-guests is {self._max_guests}"
            )

    def _wait(self, request: _Request) -> None:
        quiet = min(_SAY_AFTER_SECONDS, self._patience / 2)
        try:
            until("room for a guest", request.granted, timeout=quiet, interval=_LOOK_EVERY_SECONDS)
        except TimedOut:
            self._say(f"waiting for room for {_described(request.wanted)}; {self._in_use()}")
            until("room for a guest", request.granted, timeout=_FOR_EVER, interval=_LOOK_EVERY_SECONDS)

    def _fits(self, others: Standing, wanted: Sequence[Claim]) -> bool:
        held = others.held
        if self._max_guests is not None and len(held) + len(wanted) > self._max_guests:
            return False
        total, available = limits.memory_mib()
        claimed, more = _memory(held), _memory(wanted)
        if claimed + more > total - limits.in_ram_mib(self._store.root) - _RESERVED_MIB:
            return False
        # Guests that were granted take their memory later; most hosts have so much that it need not be looked at.
        return available - more >= claimed or available - more >= sum(claim.untouched for claim in held)

    def _in_use(self) -> str:
        held = self._table.standing().held
        total, available = limits.memory_mib()
        guests = "; ".join(f"process {pid(claim.owner)} has one of {claim.memory} MiB" for claim in held)
        nobody = f"{available} of {total} MiB are free, and no guest uses the rest; given up after {self._patience:g} s"
        return guests or nobody


class _Request:
    """Guests that somebody has asked for at once and waits for."""

    def __init__(
        self,
        table: Claims,
        wanted: list[Claim],
        fits: Callable[[Standing, Sequence[Claim]], bool],
        check_possible: Callable[[Sequence[Claim]], None],
        patience: float,
    ) -> None:
        self.wanted = wanted
        self._table = table
        self._fits = fits
        self._check_possible = check_possible
        self._short = Deadline(patience)
        self._patience = patience
        self._queued = False

    def granted(self) -> bool:
        """Look whether there is room now. Only who is first in the queue does so with the table's lock.

        :raises CapacityError: there never will be.
        """
        if self._queued and not self._first(self._table.standing()):
            return False
        with exclusive(self._table.lock, told=False):
            others = self._table.standing(but={claim.id for claim in self.wanted})
            if not self._queued:
                ticket = max((claim.ticket for claim in others.waiting), default=0) + 1
                self.wanted[:] = [replace(claim, ticket=ticket) for claim in self.wanted]
            if not self._first(others) or not self._has_room(others):
                self._check_possible(self.wanted)
                self._check_not_stuck(others)
                self._queue()
                return False
            self._put([claims.granted(claim) for claim in self.wanted])
            return True

    def withdraw(self) -> None:
        """Nobody waits any more."""
        self._table.remove(self.wanted)

    def _queue(self) -> None:
        if not self._queued:
            self._put(self.wanted)
            self._queued = True

    def _put(self, changed: Sequence[Claim]) -> None:
        for number, claim in enumerate(changed):
            self.wanted[number] = self._table.put(claim, before=self.wanted[number] if self._queued else None)

    def _first(self, others: Standing) -> bool:
        """Whether nobody is to be served before.

        Whoever has a guest already may have to get another to give it back.
        """
        mine = self.wanted[0]
        if all(claim.ticket >= mine.ticket for claim in others.waiting):
            return True
        return mine.asker in _holders(others)

    def _has_room(self, others: Standing) -> bool:
        while not self._fits(others, self.wanted):
            self._check_possible(self.wanted)  # before anybody makes way
            spare = next((claim for claim in others.held if claim.state == SPARE and owner.here(claim.qemu)), None)
            if spare is None:
                return False
            self._end(spare)
            others.held.remove(spare)
        return True

    def _end(self, spare: Claim) -> None:
        """Spares make room for a real request at once, whoever's they are."""
        owner.kill(spare.qemu)
        self._table.remove([spare])
        with suppress(TimedOut):  # its memory is free only after it has gone
            until("a spare's end", lambda: not owner.alive(spare.qemu), timeout=_END_SECONDS, interval=0.01)

    def _check_not_stuck(self, others: Standing) -> None:
        if others.held:
            self._short = Deadline(self._patience)
            waiting = {claim.asker for claim in [*others.waiting, *self.wanted]}
            mine = self.wanted[0].asker
            # A spare makes room as soon as its QEMU runs, and its owner gives it up where it cannot be ended from here.
            if mine in _holders(others) and all(
                claim.state == HELD and claim.asker in waiting for claim in others.held
            ):
                raise CapacityError(
                    "deadlock: everybody who holds a guest is waiting for another one. "
                    "Ask for all of a test's guests at once (windows_vm_factory(count=...)), or run fewer workers"
                )
        elif self._first(others) and self._short.passed:
            total, available = limits.memory_mib()
            raise CapacityError(
                f"{_described(self.wanted)} cannot start: only {available} of this host's {total} MiB are free, "
                f"and no guest uses the rest; that was so for {self._patience:g} s"
            )


def _holders(of: Standing) -> set[tuple[str, int]]:
    return {claim.asker for claim in of.held if claim.state == HELD}


def _memory(of: Sequence[Claim]) -> int:
    return sum([claim.memory for claim in of])


def _described(of: Sequence[Claim]) -> str:
    return f"{len(of)} guest{'s' if len(of) > 1 else ''} of {_memory(of)} MiB"
