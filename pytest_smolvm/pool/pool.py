"""Where guests come from: capacity, templates and spares behind one door."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Progress, Silent
from pytest_smolvm.host.store import Store, note_use
from pytest_smolvm.machine import disk, hypervisor
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.pool import obstacles, starting
from pytest_smolvm.pool.leases import Lease, Leases
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.spares import Spare
from pytest_smolvm.pool.starting import RunningGuest

# What is stuck for longer ends with this process.
_END_SECONDS = 30.0


@cache
def default_pool() -> Pool:
    """The pool on the default store, for guests that are asked for outside a test run."""
    store = Store.default()
    store.reap()
    return Pool(store, hypervisor.find(store), Silent())


class Pool:
    """Guests for one process.

    :param max_guests: how many may live at once on this host, all processes together.
    """

    def __init__(
        self, store: Store, hypervisor: Hypervisor, progress: Progress, *, max_guests: int | None = None
    ) -> None:
        self.store = store
        self.hypervisor = hypervisor
        self.leases = Leases(store, max_guests, progress.note)
        self._site = Site(store, hypervisor, progress)
        self._spare: Spare | None = None
        self._doomed: list[Spare] = []
        _pools.add(self)

    @property
    def spare(self) -> Spare | None:
        """The guest that was expected and not asked for yet, if there is one."""
        return self._spare

    def reserve(self, *specs: GuestSpec) -> list[Reservation]:
        """Room for guests of these specs, all of them or none; waits until it is there.

        :raises ImageError: an image cannot be used.
        :raises CapacityError: the host can never hold them.
        """
        for spec in specs:
            disk.inspect(spec.image)
            if self.store.images in spec.image.parents:
                note_use(spec.image)
        specs = tuple(map(self._possible, specs))
        if len(specs) == 1 and (spare := self._suitable_spare(specs[0])):
            return [Reservation(self._site, specs[0], spare.lease, spare)]
        with self.store.full_disk_told():
            leases = self.leases.claim(*specs)
        return [Reservation(self._site, spec, lease) for spec, lease in zip(specs, leases, strict=True)]

    def expect(self, spec: GuestSpec) -> None:
        """Somebody is likely to ask for such a guest soon: restore one, if there is a template and capacity allows."""
        if self._spare is None and self._possible(spec).boot == "clone":
            self._spare = Spare(spec, self._site, self.leases)

    def close(self) -> None:
        """Give up the spare, if there is one."""
        self._doom_spare()
        for spare in self._doomed:
            spare.join(_END_SECONDS)

    def forget_spares(self) -> None:
        """In a forked child: they are its parent's, as are the threads that they live in."""
        self._spare = None
        self._doomed = []

    def _possible(self, spec: GuestSpec) -> GuestSpec:
        """`spec`, or its cold variant if it is known that this host cannot clone."""
        known = spec.boot == "clone" and obstacles.known(self.store, self.hypervisor, spec.hardware)
        return spec.having(boot="cold") if known else spec

    def _suitable_spare(self, spec: GuestSpec) -> Spare | None:
        """The spare, taken, if it is what is asked for; any other one has to go."""
        spare = self._spare
        if spare is not None and spare.suits(spec) and spare.take():
            self._spare = None  # only now: whoever is interrupted while waiting still has it to give up
            return spare
        self._doom_spare()
        return None

    def _doom_spare(self) -> None:
        """In the background: whoever asks for another guest need not wait for its end."""
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.doom()
            self._doomed.append(spare)


class Reservation:
    """Room for one guest, and for its successors when it is reverted.

    :param spec: what the guest is to be.
    :param spare: one that was taken, to be the first guest.
    """

    def __init__(self, site: Site, spec: GuestSpec, lease: Lease, spare: Spare | None = None) -> None:
        self._site = site
        self.spec = spec
        self.lease = lease
        self._spare = spare

    @contextmanager
    def guest(self) -> Iterator[RunningGuest]:
        """A guest in this room for the length of the block.

        :raises BootError: it does not come up.
        """
        spare, self._spare = self._spare, None
        with spare.used() if spare else starting.running(self.spec, self._site) as guest:
            with suppress(OSError):  # then what it has touched is counted twice
                self.lease.mark(guest.machine.child.pid)
            yield guest

    def release(self) -> None:
        """Give the room back."""
        spare, self._spare = self._spare, None
        try:
            if spare is not None:
                with spare.used():
                    pass  # nobody has used it
        finally:
            self.lease.release()


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


def _forked() -> None:
    default_pool.cache_clear()
    for pool in _pools:
        pool.forget_spares()


os.register_at_fork(after_in_child=_forked)
