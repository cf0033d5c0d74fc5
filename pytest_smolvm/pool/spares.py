"""Spares: guests that nobody has asked for yet."""

from __future__ import annotations

import enum
import logging
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from pytest_smolvm.errors import ResidentLost
from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import cloning, starting, templates
from pytest_smolvm.pool.leases import Lease, Leases
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.starting import RunningGuest

_REHEARSAL_SECONDS = stretched(60.0)
_LOOK_SECONDS = 1.0
# Longer than a restore takes on a busy host; then another clone is as likely to come.
_PATIENCE_SECONDS = stretched(60.0)
_LOGGER = logging.getLogger(__name__)


class State(enum.Enum):
    """How far a spare has got."""

    MAKING = "making"
    READY = "ready"
    TAKEN = "taken"
    """Somebody has it, who ends it."""
    GONE = "gone"
    """It has ended, or never came to be."""


class Spare:
    """One guest, restored in a thread of its own as soon as this object is made, and offered there until it is taken.

    Nothing that goes wrong with it is raised: whoever asks for a guest next meets the same error, and is told.

    :param spec: what is likely to be asked for.
    :param leases: where room for it comes from.
    """

    def __init__(self, spec: GuestSpec, site: Site, leases: Leases) -> None:
        self._spec = _nameless(spec)
        self._site = site
        self._leases = leases
        self._state = State.MAKING
        self._changed = threading.Condition()
        self._wanted = threading.Event()
        self._doomed = False
        self._child: subprocess.Popen[bytes] | None = None
        self._lease: Lease | None = None
        self._guest: RunningGuest | None = None
        self._life = ExitStack()
        self._thread = threading.Thread(target=self._live, name="smolvm-spare", daemon=True)
        self._thread.start()

    @property
    def state(self) -> State:
        """How far it has got."""
        return self._state

    @property
    def lease(self) -> Lease:
        """Its room, once it was taken."""
        assert self._lease is not None
        return self._lease

    def suits(self, spec: GuestSpec) -> bool:
        """Whether it is what `spec` asks for."""
        return _nameless(spec) == self._spec

    def wait(self, timeout: float | None = None) -> State:
        """Wait until it is no longer in the making."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is not State.MAKING, timeout)
        return self._state

    def take(self, patience: float = _PATIENCE_SECONDS) -> bool:
        """Have it, once it is there; False if there is no guest to be had, or its room was taken away.

        :param patience: seconds to wait for it.
        """
        self._wanted.set()
        self.wait(patience)
        with self._changed:
            if self._state is State.READY and self._still_there():
                self._become(State.TAKEN)
        if self._state is not State.TAKEN:
            self.doom()
        return self._state is State.TAKEN

    @contextmanager
    def used(self) -> Iterator[RunningGuest]:
        """The guest, which was taken, for the length of the block; then it ends."""
        assert self._guest is not None
        with self._life:
            yield self._guest

    def doom(self) -> None:
        """End it wherever it has got to, unless it was taken; its thread does so."""
        with self._changed:
            self._doomed = True
            self._wanted.set()
            if self._child is not None and self._state is not State.TAKEN:
                self._child.kill()
            self._changed.notify_all()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it is gone or taken, at most `timeout` seconds."""
        self._thread.join(timeout)

    def _live(self) -> None:
        with self._logged():
            if self._made():
                self._offer()
        if self._state is not State.TAKEN:
            with self._logged():
                self._life.close()
            if self._lease is not None:
                self._lease.release()
            with self._changed:
                self._become(State.GONE)

    def _made(self) -> bool:
        key = templates.key(self._spec, self._site.hypervisor)
        template = templates.find(self._site.store, key)
        if template is None or self._site.failures.known(key):
            return False  # baking takes minutes: that is for somebody who needs the guest
        self._lease = self._leases.spare(self._spec)
        if self._lease is None:
            return False
        directory = RunDirectory(self._life.enter_context(self._site.store.run_directory()))
        self._life.callback(self._keep)  # between the machine's end and its directory's
        machine = self._life.enter_context(cloning.clone(template, self._spec, self._site.hypervisor, directory))
        self._can_be_ended(self._lease, machine.child)
        self._guest = self._life.enter_context(starting.entered(machine, template, self._spec))
        _rehearse(self._guest, self._wanted)
        return True

    def _keep(self) -> None:
        if self._guest is not None:
            starting.keep(self._guest)

    def _can_be_ended(self, lease: Lease, child: subprocess.Popen[bytes]) -> None:
        """From now on, before it is ready: by a real request, or by us. What else is to be done ends with its QEMU."""
        lease.mark(child.pid)
        with self._changed:
            self._child = child
            if self._doomed:
                child.kill()

    def _offer(self) -> None:
        with self._changed:
            self._become(State.READY)
            while not self._changed.wait_for(lambda: self._doomed or self._state is State.TAKEN, _LOOK_SECONDS):
                # From another container it cannot be ended.
                self._doomed = self._leases.wanted()

    def _still_there(self) -> bool:
        assert self._lease is not None
        assert self._child is not None
        with suppress(OSError):  # the store cannot be written: who asks for a guest is told
            return self._child.poll() is None and self._lease.take()
        return False

    def _become(self, state: State) -> None:
        self._state = state
        self._changed.notify_all()

    @contextmanager
    def _logged(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            _LOGGER.debug("a spare guest came to nothing", exc_info=True)


def _rehearse(guest: RunningGuest, wanted: threading.Event) -> None:
    """Have a guest do what its test is likely to begin with: an emulator translates that code only now."""
    if guest.resident is not None:
        with suppress(ResidentLost):  # whoever gets the guest is told
            for _ in range(guest.resident.processes):
                if not wanted.is_set():
                    guest.resident.warm_up()
    if guest.ssh is not None and not wanted.is_set():
        run.run(guest.ssh, "ver", shell="cmd", timeout=_REHEARSAL_SECONDS)


def _nameless(spec: GuestSpec) -> GuestSpec:
    """The wants that shape a clone before anybody's own are applied to it."""
    return spec.having(env_vars={})
