"""Where guests come from: capacity, templates and spares behind one door."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from threading import Event

from pytest_smolvm.errors import CannotClone, ResidentLost, SmolVMError, TimedOut, Unrestorable
from pytest_smolvm.guest.commands import powershell, run
from pytest_smolvm.guest.commands.resident import Endpoint, Resident, start
from pytest_smolvm.guest.link import ssh
from pytest_smolvm.guest.link.arrival import login
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Progress, Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import disk, machine
from pytest_smolvm.machine.hypervisor import Host, look
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.pool import cloning, templates
from pytest_smolvm.pool.leases import Capacity

# Names what `_warmed` does; part of the template's key, as are the scripts that it leaves running.
_RECIPE = "warm 7"
# Beside a template: where the resident PowerShell in it listens.
_SEAT = "seat.json"
_WARM_CALLS = 3
# A system goes on starting things after it lets one in. What is frozen in the middle of that, every clone continues.
_IDLE_SHARE = 0.08
_SETTLE_SECONDS = 120.0
_LIMBER_SECONDS = 60.0


@dataclass
class Guest:
    """A machine somebody may use now."""

    machine: Machine
    ssh: ssh.Ssh | None
    """An open connection, if the guest comes with one."""
    keep: Path | None = None
    """Where its disk and logs go when it ends; None throws them away."""
    resident: Resident | None = None
    """Its resident PowerShell, if it came with one."""


@cache
def default_pool() -> Pool:
    """The pool on the default store, for guests that are asked for outside a test run."""
    store = Store.default()
    store.reap()
    return Pool(store, look(store), Silent())


class Pool:
    """Guests for one process.

    :param max_guests: how many may live at once on this host, all processes together.
    """

    def __init__(self, store: Store, host: Host, progress: Progress, *, max_guests: int | None = None) -> None:
        self.store = store
        self.host = host
        self.capacity = Capacity(store, max_guests, progress.note)
        self._progress = progress
        self._spare: _Spare | None = None
        self._disposals: list[Future[None]] = []

    def places(self, *specs: GuestSpec) -> list[Place]:
        """Room for guests of these specs, all of them or none; waits until it is there.

        :raises ImageError: an image cannot be used.
        :raises CapacityError: the host can never hold them.
        """
        for spec in specs:
            disk.inspect(spec.image)
        specs = tuple(map(self._possible, specs))
        if len(specs) == 1 and (place := self._spare_place(specs[0])):
            return [place]
        with templates.full_disk_told(self.store):
            leases = self.capacity.lease(*specs)
        return [Place(self, spec, lease) for spec, lease in zip(specs, leases, strict=True)]

    def expect(self, spec: GuestSpec) -> None:
        """Somebody is likely to ask for such a guest soon: restore one meanwhile, if there is a template and capacity allows."""
        if self._spare is None and self._possible(spec).boot == "clone":
            self._spare = _Spare(spec, self._prepared)

    def close(self) -> None:
        """Give up the spare, if there is one."""
        self._dispose_of_spare()
        for disposal in self._disposals:
            disposal.result()

    def _possible(self, spec: GuestSpec) -> GuestSpec:
        """What `spec` comes to here: a cold guest instead of a clone, if it is known that there can be none."""
        known = spec.boot == "clone" and cloning.why_not(self.store, self.host)
        return spec.having(boot="cold") if known else spec

    def _spare_place(self, spec: GuestSpec) -> Place | None:
        spare = self._spare
        if spare is None or not spare.suits(spec):
            self._dispose_of_spare()
            return None
        prepared = spare.result()
        self._spare = None  # only now: whoever is interrupted while waiting still has it to dispose of
        if prepared is None:
            return None
        with ExitStack() as unusable:
            unusable.callback(self.throw_away, prepared)
            if self.capacity.claim(prepared.lease) and prepared.guest.machine.child.poll() is None:
                unusable.pop_all()
                return Place(self, spec, prepared.lease, prepared)
        return None

    def _dispose_of_spare(self) -> None:
        """In the background: whoever asks for another guest need not wait for it."""
        spare, self._spare = self._spare, None
        if spare is not None:
            self._disposals.append(spare.dispose(self.throw_away))

    def throw_away(self, prepared: _Prepared) -> None:
        """End a spare and give its room back."""
        try:
            prepared.resources.close()
        finally:
            self.capacity.release(prepared.lease)

    def _prepared(self, spec: GuestSpec, making: _Making) -> _Prepared | None:
        template = templates.find(self.store, templates.key(spec, self.host, _recipe()))
        if template is None:
            return None  # baking takes minutes: that is for somebody who needs the guest
        with ExitStack() as stack:
            lease = stack.enter_context(self.capacity.spare(spec))
            if lease is not None:
                guest = stack.enter_context(self._restored(template, spec, partial(self._begun, making, lease)))
                _limber_up(guest, making.wanted)
                return _Prepared(guest, lease, stack.pop_all())
        return None

    def _begun(self, making: _Making, lease: Path, restored: Machine) -> None:
        """From now on a spare can be ended before it is ready: by a real request, or by us."""
        self.capacity.mark(lease, restored.child.pid)
        making.begun(restored.child)

    @contextmanager
    def guest(self, spec: GuestSpec) -> Iterator[Guest]:
        """A guest for the length of the block, to which a lease was granted already.

        :raises BootError: it does not come up.
        :raises StoreError: the store's file system is full.
        """
        with ExitStack() as life:
            with templates.full_disk_told(self.store):
                guest = self._started(spec, life)
            yield guest

    def _started(self, spec: GuestSpec, life: ExitStack) -> Guest:
        if spec.boot == "clone":
            with suppress(CannotClone):  # who found out has said so
                return self._cloned(spec, life)
        return life.enter_context(self._cold(spec))

    def _cloned(self, spec: GuestSpec, life: ExitStack) -> Guest:
        template = self._template(spec)
        with suppress(Unrestorable):  # perhaps it was disturbed, as by somebody who kills a TPM
            return life.enter_context(self._restored(template, spec))
        try:
            return life.enter_context(self._restored(template, spec))
        except Unrestorable as exc:
            # Damaged in a way its record does not show: make it anew, once.
            self._progress.note(f"the template of {spec.image.name} cannot be used, making another one: {exc}")
        return life.enter_context(self._restored(self._template(spec, instead_of=template), spec))

    @contextmanager
    def _cold(self, spec: GuestSpec) -> Iterator[Guest]:
        with self.store.run_directory() as directory:
            with machine.cold(spec.image, spec.hardware, self.host, directory) as booting:
                guest = Guest(booting, None)
                yield guest
            _keep(guest, directory)

    @contextmanager
    def _restored(
        self, template: templates.Template, spec: GuestSpec, begun: Callable[[Machine], object] = id
    ) -> Iterator[Guest]:
        with self.store.run_directory() as directory:
            with templates.clone(template, spec, self.host, directory) as restored:
                begun(restored)
                with closing(login(restored, spec, spec.boot_timeout)) as connection:
                    guest = Guest(restored, connection, resident=_woken(template, connection))
                    yield guest
            _keep(guest, directory)

    def _template(self, spec: GuestSpec, instead_of: templates.Template | None = None) -> templates.Template:
        @contextmanager
        def warmed(booted: Machine, directory: Path) -> Iterator[None]:
            with closing(login(booted, spec, spec.boot_timeout)) as connection:
                run.run(connection, "ver", shell="cmd", timeout=spec.boot_timeout).check()
                self._seated(connection, directory / _SEAT)
                with suppress(TimedOut):  # a guest that never rests is frozen as it is
                    machine.settle([booted], _IDLE_SHARE, _SETTLE_SECONDS)
                yield

        return templates.ready(
            spec, self.host, self.store, self._progress, recipe=_recipe(), warm=warmed, instead_of=instead_of
        )

    def _seated(self, connection: ssh.Ssh, file: Path) -> None:
        """Start the resident PowerShell in a guest that is to be frozen, and write down where it listens."""
        try:
            endpoint = start(connection)
            # Closed, since a connection would be frozen with the guest, and nobody would be at its other end.
            with closing(Resident(connection.tunnel, endpoint)) as resident:
                resident.warm_up(_WARM_CALLS * resident.processes)
                endpoint = replace(endpoint, sets_clock=self._sets_clock(resident))
        except ResidentLost as exc:
            self._progress.note(f"every PowerShell call will start a powershell.exe of its own: {exc}")
            return
        file.touch(mode=0o600)  # it holds the secret
        file.write_text(endpoint.to_json(), encoding="ascii")

    def _sets_clock(self, resident: Resident) -> bool:
        """Whether it can; it tries in each process, so that what does it need not be compiled in every clone."""
        try:
            for _ in range(resident.processes):
                resident.set_clock()
            return True
        except ResidentLost as exc:
            self._progress.note(
                f"clones wake with the time of this moment, unless their system corrects it by itself: {exc}"
            )
            return False


def _recipe() -> str:
    return f"{_RECIPE} {powershell.digest()}"


def _keep(guest: Guest, directory: Path) -> None:
    """Keep an ended guest's run directory, if somebody wants that."""
    if guest.keep is not None:
        guest.keep.parent.mkdir(parents=True, exist_ok=True)
        directory.rename(guest.keep)


def _woken(template: templates.Template, connection: ssh.Ssh) -> Resident | None:
    """The resident PowerShell of a clone that has just been restored; None if its template has none."""
    try:
        endpoint = Endpoint.from_json((template.directory / _SEAT).read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    resident = Resident(connection.tunnel, endpoint)
    if endpoint.sets_clock:
        # A restored system goes on with the time at which it was frozen. Without a resident the first call finds out.
        with suppress(ResidentLost):
            resident.set_clock()
    return resident


def _limber_up(guest: Guest, wanted: Event) -> None:
    """Have a guest do, until somebody wants it, what its test is likely to begin with: an emulator translates that code only now."""
    if guest.resident is not None:
        with suppress(ResidentLost):  # whoever gets the guest is told
            for _ in range(guest.resident.processes):
                if not wanted.is_set():
                    guest.resident.warm_up()
    if guest.ssh is not None and not wanted.is_set():
        run.run(guest.ssh, "ver", shell="cmd", timeout=_LIMBER_SECONDS)


@dataclass
class Place:
    """Room for one guest, and for its successors when it is reverted."""

    pool: Pool
    spec: GuestSpec
    lease: Path
    prepared: _Prepared | None = None
    """A spare that is to be this place's first guest."""

    @contextmanager
    def guest(self) -> Iterator[Guest]:
        """A guest in this place for the length of the block."""
        prepared, self.prepared = self.prepared, None
        if prepared is None:
            with self.pool.guest(self.spec) as guest:
                yield guest
        else:
            with prepared.resources:
                yield prepared.guest

    def release(self) -> None:
        """Give the room back."""
        prepared, self.prepared = self.prepared, None
        if prepared is not None:
            self.pool.throw_away(prepared)  # nobody has used it
        else:
            self.pool.capacity.release(self.lease)


@dataclass
class _Prepared:
    guest: Guest
    lease: Path
    resources: ExitStack


class _Making:
    """What the thread that makes a spare and the one that began it tell each other."""

    def __init__(self) -> None:
        self.wanted = Event()
        """Somebody waits for it."""
        self._stopped = Event()
        self._child: subprocess.Popen[bytes] | None = None

    def begun(self, child: subprocess.Popen[bytes]) -> None:
        """Its QEMU runs, and what else is to be done ends when that is killed."""
        self._child = child
        if self._stopped.is_set():
            child.kill()

    def stop(self) -> None:
        """Nobody wants it any more."""
        self.wanted.set()
        self._stopped.set()
        if self._child is not None:
            self._child.kill()


class _Spare:
    """A guest in the making that nobody has asked for yet."""

    def __init__(self, spec: GuestSpec, prepare: Callable[[GuestSpec, _Making], _Prepared | None]) -> None:
        self._spec = _nameless(spec)
        self._making = _Making()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="smolvm-spare")
        self._future: Future[_Prepared | None] = self._worker.submit(prepare, self._spec, self._making)

    def suits(self, spec: GuestSpec) -> bool:
        """Whether it is what `spec` asks for."""
        return _nameless(spec) == self._spec

    def result(self) -> _Prepared | None:
        """The guest, once it is there; None if it did not come to be."""
        self._making.wanted.set()
        try:
            return self._future.result()
        except (SmolVMError, OSError):
            return None  # whoever asks for a guest next meets the same error, and is told

    def dispose(self, throw_away: Callable[[_Prepared], object]) -> Future[None]:
        """End it, wherever it has got to, in the thread that made it."""
        self._making.stop()

        def end() -> None:
            prepared = self.result()
            if prepared is not None:
                throw_away(prepared)

        return self._worker.submit(end)


def _nameless(spec: GuestSpec) -> GuestSpec:
    """The wants that shape a clone before anybody's own are applied to it."""
    return spec.having(env_vars={})
