"""Where guests come from: capacity, templates and spares behind one door."""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import use
from pytest_smolvm.host.progress import Progress, Silent
from pytest_smolvm.host.store import Store, note_use
from pytest_smolvm.machine import disk, hypervisor
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.machine.fence.fence import begin_to_watch
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.pool import obstacles, remains, starting
from pytest_smolvm.pool.leases import Lease, Leases
from pytest_smolvm.pool.remains import GuestUser
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.spares import Handover, Spares
from pytest_smolvm.pool.starting import RunningGuest, attempt
from pytest_smolvm.pool.templates import Template

_LOGGER = logging.getLogger(__name__)


@cache
def default_pool() -> Pool:
    """The pool on the default store, for guests that are asked for outside a test run."""
    store = Store.default()
    store.reap()
    return Pool(store, hypervisor.find(store), Silent())


class Pool:
    """Guests for one process.

    :param max_guests: how many may live at once, of all processes that share the store.
    :param user: the worker of a test run that this process is; None if it is alone.
    """

    def __init__(
        self,
        store: Store,
        hypervisor: Hypervisor,
        progress: Progress,
        *,
        max_guests: int | None = None,
        user: GuestUser | None = None,
    ) -> None:
        self.store = store
        self.hypervisor = hypervisor
        self.leases = Leases(store, max_guests, progress.note)
        self.site = Site(store, hypervisor, progress, run=user.run if user else "", user=user)
        """Where its guests are made."""
        self.spares = Spares(self.site, self.leases, max_guests)
        """The guest that is expected and was not asked for yet, if there is one."""
        self._told = {hypervisor.accelerator}
        _pools.add(self)

    def reserve(self, *specs: GuestSpec) -> list[Reservation]:
        """Room for guests of these specs, all of them or none; waits until it is there.

        :raises ImageError: an image cannot be used.
        :raises CapacityError: the host can never hold them.
        """
        for spec in specs:
            disk.inspect(spec.image)
            if self.store.images in spec.image.parents:
                note_use(spec.image)
            self._tell_of(self.hypervisor.accelerator_for(secure_boot=spec.secure_boot))
        specs = tuple(map(self._possible, specs))
        if len(specs) == 1 and (spare := self.spares.take(specs[0])):
            return [Reservation(self.site, specs[0], spare.lease, spare)]
        with self.store.full_disk_told():
            leases = self.leases.claim(*specs)
        return [Reservation(self.site, spec, lease) for spec, lease in zip(specs, leases, strict=True)]

    def room(self, spec: GuestSpec) -> int:
        """How many such guests this host holds at once, as far as is known; at least 1."""
        return self.leases.room(self._possible(spec))

    def expect(self, spec: GuestSpec) -> None:
        """Somebody is likely to ask for such a guest soon: have one made, if there is a template and capacity allows.

        By another process: of this one's nothing goes on when this returns. Nor does anything fail because of it.
        """
        try:
            clones = spec.layer is None and self._possible(spec).boot == "clone"
            if clones and not self.site.failures.known(attempt(spec, self.site)):
                self.spares.expect(spec)
        except Exception:
            _LOGGER.debug("no spare guest is made", exc_info=True)

    def close(self) -> None:
        """Give up the spare, if there is one."""
        self.spares.close()

    def _tell_of(self, accelerator: Accelerator) -> None:
        """Say once that some guests are slower than the report's header makes believe."""
        if accelerator not in self._told:
            self._told.add(accelerator)
            self.site.progress.note(
                f"guests with Secure Boot run under {accelerator.name} here, some twenty times slower than others: "
                f"{accelerator.reason}"
            )

    def _possible(self, spec: GuestSpec) -> GuestSpec:
        """`spec`, or its cold variant if it is known that this host cannot clone."""
        known = spec.boot == "clone" and obstacles.known(self.store, self.hypervisor, spec.hardware)
        return spec.having(boot="cold") if known else spec


class Reservation:
    """Room for one guest, and for its successors when it is reverted.

    :param site: where they are made.
    :param spec: what the guest is to be.
    :param spare: one that was taken, to be the first guest.
    """

    def __init__(self, site: Site, spec: GuestSpec, lease: Lease, spare: Handover | None = None) -> None:
        self.site = site
        self.spec = spec
        self.lease = lease
        self._spare = spare
        self._life = ExitStack()
        if site.store.images in spec.image.parents:  # others are nobody's to remove
            self._life.enter_context(use.held(spec.image))

    @contextmanager
    def guest(self, snapshot: Template | None = None) -> Iterator[RunningGuest]:
        """A guest in this room for the length of the block.

        :param snapshot: what it is to be; None is what it was in the beginning.
        :raises BootError: it does not come up.
        """
        spare, self._spare = self._spare, None
        with spare.used() if spare else starting.running(self.spec, self.site, snapshot) as guest:
            with suppress(OSError):  # then what it has touched is counted twice
                self.lease.mark(guest.machine.child.pid)
            if self.site.user is not None:
                with suppress(OSError):  # the store is full; it matters only if we are killed
                    remains.note(guest.machine, self.site.user)
            yield guest

    def prepare(self) -> None:
        """Do once what several guests of this kind would wait for each other with: make their template.

        :raises BootError: the golden image does not come up.
        """
        begin_to_watch()
        starting.prepare(self.spec, self.site)

    def release(self) -> None:
        """Give the room back."""
        spare, self._spare = self._spare, None
        try:
            if spare is not None:
                with spare.used():
                    pass  # nobody has used it
        finally:
            self.lease.release()
            self._life.close()


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


def _forked() -> None:
    default_pool.cache_clear()
    for pool in _pools:
        pool.spares.forget()


os.register_at_fork(after_in_child=_forked)
